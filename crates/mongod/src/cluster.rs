//! A cluster of nodes that are started together: a replica set, or one standalone server.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bson::{Bson, Document, doc};

use crate::admin;
use crate::folder::Folder;
use crate::node::{Node, NodeEndpoint};
use crate::options::{Options, SET};
use crate::pause::pause;
use crate::proxy::{Partition, Proxies};

/// The longest that an election or an initial synchronization may take, on a slow and loaded machine.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Nodes, by number from 0. When it is dropped, the nodes are killed and their folder is removed; when the process is
/// killed, the system kills the nodes, and the next start removes the folder.
#[derive(Debug)]
pub struct Nodes {
    // Fields are dropped in this order: nodes end before their folder is removed.
    nodes: Vec<Node>,
    proxies: Option<Proxies>,
    options: Options,
    folder: Folder,
}

/// A node that was left running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningNode {
    /// The id of its process.
    pub pid: u32,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The folder with its data and its log, `mongod.log`.
    pub dbpath: PathBuf,
}

impl Nodes {
    /// Starts the nodes, and waits until a client can write: a replica set has its primary, and each other member has
    /// synchronized.
    ///
    /// # Errors
    /// Fails if a node cannot be started or the set is not ready within two minutes; the error has the last lines of
    /// the logs.
    pub fn start(options: Options) -> Result<Self> {
        ensure!((1..=7).contains(&options.members()), "a replica set has one to seven voting members");
        ensure!(!(options.detached && options.behind_proxies), "proxies end with us: detached nodes cannot use them");
        let folder = Folder::below(&options.parent)?;
        let endpoints: Vec<Arc<NodeEndpoint>> = (0..options.members()).map(|_| Arc::default()).collect();
        let proxies = options.behind_proxies.then(|| Proxies::listen(&endpoints)).transpose()?;
        let mut nodes = Self { nodes: Vec::new(), proxies, options, folder };
        for (number, endpoint) in endpoints.into_iter().enumerate() {
            let node = Node::start(&nodes.options, nodes.folder.path().join(number.to_string()), endpoint)?;
            nodes.nodes.push(node);
        }
        if nodes.options.is_set() {
            nodes.initiate()?;
        }
        nodes.settled()?;
        nodes.add_user()?;
        Ok(nodes)
    }

    /// Returns the URI for clients, with the password where there is one. With proxies, it leads through them.
    pub fn uri(&self) -> String {
        let hosts: Vec<String> = (0..self.nodes.len()).map(|number| self.address(number)).collect();
        let user = match &self.options.user {
            Some((name, password)) => format!("{}:{}@", percent_encoded(name), percent_encoded(password)),
            None => String::new(),
        };
        let set = if self.options.is_set() { format!("?replicaSet={SET}") } else { String::new() };
        format!("mongodb://{user}{}/{set}", hosts.join(","))
    }

    /// Returns the number of nodes.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the id of a node's process, while it runs.
    pub fn pid(&self, node: usize) -> Option<u32> {
        self.nodes[node].pid()
    }

    /// Returns the port on which a node itself listens, without a proxy.
    pub fn port(&self, node: usize) -> u16 {
        self.nodes[node].port
    }

    /// Returns the number of the primary; waits until there is one among the nodes that run and are not cut off.
    ///
    /// # Errors
    /// Fails if there is none for two minutes.
    pub fn primary(&self) -> Result<usize> {
        let since = Instant::now();
        loop {
            let reachable = (0..self.nodes.len()).filter(|number| self.is_reachable(*number));
            for number in reachable {
                if self.role(number) == Role::Primary {
                    return Ok(number);
                }
            }
            ensure!(since.elapsed() < TIMEOUT, "there is no primary: {}", self.log_tails());
            pause(Duration::from_millis(50));
        }
    }

    /// Waits until there is a primary, and each node that runs and is not cut off has caught up with it.
    ///
    /// # Errors
    /// Fails if that takes longer than two minutes.
    pub fn settled(&self) -> Result<()> {
        let since = Instant::now();
        loop {
            let reachable = (0..self.nodes.len()).filter(|number| self.is_reachable(*number));
            let roles: Vec<Role> = reachable.map(|number| self.role(number)).collect();
            let primaries = roles.iter().filter(|role| **role == Role::Primary).count();
            if primaries == 1 && !roles.contains(&Role::Neither) {
                return Ok(());
            }
            ensure!(since.elapsed() < TIMEOUT, "the nodes do not settle, they are {roles:?}: {}", self.log_tails());
            pause(Duration::from_millis(50));
        }
    }

    /// Runs a command on the database `admin` of one node, whatever its role, as the user and not through its proxy;
    /// for example `configureFailPoint` or `replSetStepDown`.
    ///
    /// # Errors
    /// Fails if the server rejects it, or does not reply within ten seconds.
    pub fn command(&self, node: usize, command: Document) -> Result<Document> {
        admin::command(self.nodes[node].port, self.options.user.as_ref(), command)
    }

    /// Kills a node (SIGKILL) and waits until it has ended: what it had not written to disk is lost.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Shuts a node down in good order (SIGTERM) and waits until it has ended: a primary hands over first.
    ///
    /// # Errors
    /// Fails if it is paused, or does not end within two minutes.
    pub fn shut_down(&mut self, node: usize) -> Result<()> {
        self.nodes[node].shut_down()
    }

    /// Starts a node again on its port with its data, after killing it if it runs. Returns when it accepts connections;
    /// its role comes later: see [`Nodes::settled`].
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub fn restart(&mut self, node: usize) -> Result<()> {
        self.nodes[node].restart(&self.options)
    }

    /// Pauses a node (SIGSTOP): its connections stay, and it answers nothing.
    ///
    /// # Errors
    /// Fails if it is not running.
    pub fn pause(&mut self, node: usize) -> Result<()> {
        self.nodes[node].pause(true)
    }

    /// Lets a paused node continue (SIGCONT).
    ///
    /// # Errors
    /// Fails if it is not running.
    pub fn resume(&mut self, node: usize) -> Result<()> {
        self.nodes[node].pause(false)
    }

    /// Cuts a node off from the other members and from clients, in both directions, until [`Nodes::heal`];
    /// [`Partition`] says what happens to connections. The node itself keeps running, and [`Nodes::command`] still
    /// reaches it.
    ///
    /// Connections *from* the node are recognized by the process that owns them, which is looked up in Linux's `/proc`.
    /// Elsewhere only connections *to* it are cut.
    ///
    /// # Errors
    /// Fails if the nodes were started without `behind_proxies`.
    pub fn cut(&self, node: usize, how: Partition) -> Result<()> {
        self.proxies()?.set(node, Some(how));
        Ok(())
    }

    /// Ends a cut.
    ///
    /// # Errors
    /// Fails if the nodes were started without `behind_proxies`.
    pub fn heal(&self, node: usize) -> Result<()> {
        self.proxies()?.set(node, None);
        Ok(())
    }

    /// Leaves all nodes and their folder as they are, and returns where they are. They must have been started
    /// `detached`.
    ///
    /// # Errors
    /// Fails if they were not, or if one is not running.
    pub fn leave_running(mut self) -> Result<Vec<RunningNode>> {
        ensure!(self.options.detached, "only nodes that were started detached can be left running");
        let running = |node: &Node| {
            let pid = node.pid().context("a node is not running")?;
            Ok(RunningNode { pid, port: node.port, dbpath: node.folder().to_owned() })
        };
        let running = self.nodes.iter().map(running).collect::<Result<Vec<_>>>()?;
        self.folder.keep()?;
        self.nodes.iter_mut().for_each(Node::detach);
        Ok(running)
    }

    fn proxies(&self) -> Result<&Proxies> {
        self.proxies.as_ref().context("only nodes that were started with `behind_proxies` can be cut off")
    }

    fn is_reachable(&self, node: usize) -> bool {
        self.nodes[node].is_up() && !self.proxies.as_ref().is_some_and(|proxies| proxies.is_cut(node))
    }

    /// Returns the host and port by which clients and members know a node.
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
        // A lost primary is noticed by missing heartbeats: several must fit into the election timeout.
        let settings = doc! { "electionTimeoutMillis": election, "heartbeatIntervalMillis": (election / 4).min(2000) };
        let members: Vec<Bson> = members.collect();
        let config = doc! { "_id": SET, "members": members, "settings": settings };
        // Without credentials: there is no user yet, and mongod allows this command from its own host.
        let initiated = admin::command(self.nodes[0].port, None, doc! { "replSetInitiate": config });
        initiated.with_context(|| format!("the replica set cannot be initiated: {}", self.log_tails()))?;
        Ok(())
    }

    fn add_user(&self) -> Result<()> {
        let Some((name, password)) = &self.options.user else { return Ok(()) };
        let primary = if self.options.is_set() { self.primary()? } else { 0 };
        let command = doc! { "createUser": name, "pwd": password, "roles": ["root"] };
        admin::command(self.nodes[primary].port, None, command)?;
        Ok(())
    }

    /// Returns a node's role; one that does not reply has none.
    fn role(&self, node: usize) -> Role {
        // `hello` needs no credentials.
        let Ok(hello) = admin::command(self.nodes[node].port, None, doc! { "hello": 1 }) else { return Role::Neither };
        let is = |what: &str| hello.get_bool(what).unwrap_or_default();
        match (is("isWritablePrimary"), is("secondary")) {
            (true, _) => Role::Primary,
            (_, true) => Role::Secondary,
            _ => Role::Neither,
        }
    }

    fn log_tails(&self) -> String {
        let log_tails = self.nodes.iter().enumerate();
        log_tails.map(|(number, node)| format!("\nnode {number}:\n{}", node.log_tail())).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Primary,
    Secondary,
    Neither,
}

/// Encodes a name or a password for a URI.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
