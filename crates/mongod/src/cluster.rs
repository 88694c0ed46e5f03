//! Nodes that were started together: a replica set, or one server alone.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bson::{Bson, Document, doc};

use crate::folder::Folder;
use crate::node::{Node, NodeEndpoint};
use crate::options::{Options, SET};
use crate::proxy::{Partition, Proxies};
use crate::{admin, pause};

/// The longest that an election or a first synchronization may take, on a slow and loaded machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Nodes, by number from 0. Dropped, they are killed and their folder is removed; when the process is killed, the system
/// kills them, and the next start removes the folder.
#[derive(Debug)]
pub struct Nodes {
    // In this order: nodes end before their folder goes.
    nodes: Vec<Node>,
    proxies: Option<Proxies>,
    options: Options,
    folder: Folder,
}

/// A node that was left running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningNode {
    /// The number of its process.
    pub pid: u32,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Where it keeps its data and its log, `mongod.log`.
    pub dbpath: PathBuf,
}

impl Nodes {
    /// Starts them, and waits until a client can write: a replica set has its primary, and each other member has
    /// synchronized.
    ///
    /// # Errors
    /// They cannot be started, or do not get that far within two minutes; with the last lines of a log.
    pub fn start(options: Options) -> Result<Self> {
        ensure!((1..=7).contains(&options.members()), "a replica set has one to seven voting members");
        ensure!(!(options.detached && options.behind_proxies), "proxies end with us: detached nodes cannot use them");
        let folder = Folder::below(&options.parent)?;
        let seats: Vec<Arc<NodeEndpoint>> = (0..options.members()).map(|_| Arc::default()).collect();
        let proxies = options.behind_proxies.then(|| Proxies::listen(&seats)).transpose()?;
        let mut nodes = Self { nodes: Vec::new(), proxies, options, folder };
        for (number, seat) in seats.into_iter().enumerate() {
            let node = Node::start(&nodes.options, nodes.folder.path().join(number.to_string()), seat)?;
            nodes.nodes.push(node);
        }
        if nodes.options.is_set() {
            nodes.initiate()?;
        }
        nodes.settled()?;
        nodes.add_user()?;
        Ok(nodes)
    }

    /// The URI for clients, with the password where there is one. With proxies, it leads through them.
    pub fn uri(&self) -> String {
        let hosts: Vec<String> = (0..self.nodes.len()).map(|number| self.address(number)).collect();
        let user = match &self.options.user {
            Some((name, password)) => format!("{}:{}@", encoded(name), encoded(password)),
            None => String::new(),
        };
        let set = if self.options.is_set() { format!("?replicaSet={SET}") } else { String::new() };
        format!("mongodb://{user}{}/{set}", hosts.join(","))
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The number of a node's process, while it runs.
    pub fn pid(&self, node: usize) -> Option<u32> {
        self.nodes[node].pid()
    }

    /// The port on which a node itself listens, without a proxy.
    pub fn port(&self, node: usize) -> u16 {
        self.nodes[node].port
    }

    /// The number of the primary; waits until there is one among the nodes that are up and not cut off.
    ///
    /// # Errors
    /// There is none for two minutes.
    pub fn primary(&self) -> Result<usize> {
        let since = Instant::now();
        loop {
            let reached = (0..self.nodes.len()).filter(|number| self.is_reached(*number));
            for number in reached {
                if self.role(number) == Role::Primary {
                    return Ok(number);
                }
            }
            ensure!(since.elapsed() < PATIENCE, "there is no primary: {}", self.tails());
            pause(Duration::from_millis(50));
        }
    }

    /// Waits until there is a primary, and each node that is up and not cut off has caught up with it.
    ///
    /// # Errors
    /// That is not so within two minutes.
    pub fn settled(&self) -> Result<()> {
        let since = Instant::now();
        loop {
            let reached = (0..self.nodes.len()).filter(|number| self.is_reached(*number));
            let roles: Vec<Role> = reached.map(|number| self.role(number)).collect();
            let primaries = roles.iter().filter(|role| **role == Role::Primary).count();
            if primaries == 1 && !roles.contains(&Role::Neither) {
                return Ok(());
            }
            ensure!(since.elapsed() < PATIENCE, "the nodes do not settle, they are {roles:?}: {}", self.tails());
            pause(Duration::from_millis(50));
        }
    }

    /// Runs a command on the database `admin` of one node, whichever its role, as the user, not through its proxy. For
    /// `configureFailPoint` and `replSetStepDown`, for example.
    ///
    /// # Errors
    /// The server refuses it, or does not answer within ten seconds.
    pub fn command(&self, node: usize, command: Document) -> Result<Document> {
        admin::command(self.nodes[node].port, self.options.user.as_ref(), command)
    }

    /// Kills a node (SIGKILL) and waits for its end: what it had not written to disk is lost.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Shuts a node down in order (SIGTERM): a primary hands over first. Waits for its end.
    ///
    /// # Errors
    /// It is paused, or does not end within two minutes.
    pub fn shut_down(&mut self, node: usize) -> Result<()> {
        self.nodes[node].shut_down()
    }

    /// Starts a node again on its port with its data, after killing it if it runs. Returns when it takes connections;
    /// its role comes later: see [`Nodes::settled`].
    ///
    /// # Errors
    /// It cannot be started.
    pub fn restart(&mut self, node: usize) -> Result<()> {
        self.nodes[node].restart(&self.options)
    }

    /// Stops a node's time (SIGSTOP): its connections stay, and nothing is answered.
    ///
    /// # Errors
    /// It is not running.
    pub fn pause(&mut self, node: usize) -> Result<()> {
        self.nodes[node].pause(true)
    }

    /// Lets a paused node go on (SIGCONT).
    ///
    /// # Errors
    /// It is not running.
    pub fn resume(&mut self, node: usize) -> Result<()> {
        self.nodes[node].pause(false)
    }

    /// Cuts a node off from the other members and from clients, in both directions, until [`Nodes::heal`]; what exactly
    /// that does to connections is [`Partition`]'s to say. The node itself goes on, and [`Nodes::command`] still reaches it.
    ///
    /// Connections *from* the node are told apart from those of others by the process that owns them, which is looked up
    /// in Linux's `/proc`. Elsewhere only connections *to* it are cut.
    ///
    /// # Errors
    /// The nodes were started without `behind_proxies`.
    pub fn cut(&self, node: usize, how: Partition) -> Result<()> {
        self.proxies()?.set(node, Some(how));
        Ok(())
    }

    /// Ends a cut.
    ///
    /// # Errors
    /// The nodes were started without `behind_proxies`.
    pub fn heal(&self, node: usize) -> Result<()> {
        self.proxies()?.set(node, None);
        Ok(())
    }

    /// Leaves all nodes and their folder as they are, and tells where. They must have been started `detached`.
    ///
    /// # Errors
    /// They were not, or one is not running.
    pub fn leave_running(mut self) -> Result<Vec<RunningNode>> {
        ensure!(self.options.detached, "only nodes that were started detached can be left running");
        let left = |node: &Node| {
            let pid = node.pid().context("a node is not running")?;
            Ok(RunningNode { pid, port: node.port, dbpath: node.folder().to_owned() })
        };
        let left = self.nodes.iter().map(left).collect::<Result<Vec<_>>>()?;
        self.folder.leave()?;
        self.nodes.iter_mut().for_each(Node::let_go);
        Ok(left)
    }

    fn proxies(&self) -> Result<&Proxies> {
        self.proxies.as_ref().context("only nodes that were started with `behind_proxies` can be cut off")
    }

    fn is_reached(&self, node: usize) -> bool {
        self.nodes[node].is_up() && !self.proxies.as_ref().is_some_and(|proxies| proxies.is_cut(node))
    }

    /// The host and port by which clients and members know a node.
    fn address(&self, node: usize) -> String {
        let port = match &self.proxies {
            Some(proxies) => proxies.port(node),
            None => self.nodes[node].port,
        };
        format!("{}:{port}", Ipv4Addr::LOCALHOST)
    }

    fn initiate(&self) -> Result<()> {
        let members = (0..self.nodes.len()).zip(0i32..);
        let members = members.map(|(number, id)| Bson::Document(doc! { "_id": id, "host": self.address(number) }));
        let election = i64::try_from(self.options.election_timeout.as_millis())?;
        // A silence is noticed by heartbeats that fail to come: there must be a few of them in the time.
        let settings = doc! { "electionTimeoutMillis": election, "heartbeatIntervalMillis": (election / 4).min(2000) };
        let members: Vec<Bson> = members.collect();
        let config = doc! { "_id": SET, "members": members, "settings": settings };
        // Without credentials: there is no user yet, and mongod allows it to whoever comes from its own host.
        let asked = admin::command(self.nodes[0].port, None, doc! { "replSetInitiate": config });
        asked.with_context(|| format!("the replica set cannot be initiated: {}", self.tails()))?;
        Ok(())
    }

    fn add_user(&self) -> Result<()> {
        let Some((name, password)) = &self.options.user else { return Ok(()) };
        let primary = if self.options.is_set() { self.primary()? } else { 0 };
        let command = doc! { "createUser": name, "pwd": password, "roles": ["root"] };
        admin::command(self.nodes[primary].port, None, command)?;
        Ok(())
    }

    /// What a node is now; one that does not answer is neither.
    fn role(&self, node: usize) -> Role {
        // Nobody needs to be anybody to ask this.
        let Ok(hello) = admin::command(self.nodes[node].port, None, doc! { "hello": 1 }) else { return Role::Neither };
        let is = |what: &str| hello.get_bool(what).unwrap_or_default();
        match (is("isWritablePrimary"), is("secondary")) {
            (true, _) => Role::Primary,
            (_, true) => Role::Secondary,
            _ => Role::Neither,
        }
    }

    fn tails(&self) -> String {
        let tails = self.nodes.iter().enumerate();
        tails.map(|(number, node)| format!("\nnode {number}:\n{}", node.tail())).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Primary,
    Secondary,
    Neither,
}

/// A name or a password as it may stand in a URI.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
