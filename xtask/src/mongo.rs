//! `cargo xtask mongo start|stop|status|uri`: a database for development that runs until it is stopped. A file under target
//! names its processes. The database that `cargo xtask test` starts for itself is in [`provision`].

mod provision;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use rekindle_mongod::{Nodes, Options, RunningNode, Shape, TEST_URI, find_or_fetch, is_running, masked, test_uri};
use serde_json::{Value, json};

pub(crate) use provision::TestDatabase;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Starts a replica set on loopback and leaves it running; fetches mongod where none is installed.
    Start {
        /// The number of members.
        #[arg(long, default_value = "1", value_parser = ["1", "3"])]
        nodes: String,
    },
    /// Ends it, and removes its data.
    Stop,
    /// Shows what is running.
    Status,
    /// Prints the URI of the running database and nothing else: `export REKINDLE_TEST_MONGODB_URI="$(cargo xtask mongo
    /// uri)"`.
    Uri,
}

pub(crate) fn run(command: &Command) -> Result<()> {
    let place = rekindle_mongod::target_dir().join("mongod");
    match command {
        Command::Start { nodes } => start(&place, if nodes == "3" { 3 } else { 1 }),
        Command::Stop => stop(&place),
        Command::Status => status(&place),
        Command::Uri => uri(&place),
    }
}

/// The running cluster, as the file describes it.
#[derive(Debug, PartialEq)]
struct RunningCluster {
    uri: String,
    nodes: Vec<RunningNode>,
}

impl RunningCluster {
    fn file(place: &Path) -> PathBuf {
        place.join("running.json")
    }

    fn read(place: &Path) -> Result<Option<Self>> {
        let file = Self::file(place);
        match fs::read_to_string(&file) {
            Ok(text) => Self::parse(&text).map(Some).with_context(|| format!("{} cannot be read", file.display())),
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(fault).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let file: Value = serde_json::from_str(text)?;
        let node = |node: &Value| {
            let pid = u32::try_from(node["pid"].as_u64().context("a node without a pid")?)?;
            let port = u16::try_from(node["port"].as_u64().context("a node without a port")?)?;
            let dbpath = node["dbpath"].as_str().context("a node without a dbpath")?.into();
            Ok(RunningNode { pid, port, dbpath })
        };
        let uri = file["uri"].as_str().context("no uri")?.to_owned();
        let nodes = file["nodes"].as_array().context("no nodes")?.iter().map(node).collect::<Result<_>>()?;
        Ok(Self { uri, nodes })
    }

    fn text(&self) -> String {
        let node = |node: &RunningNode| json!({ "pid": node.pid, "port": node.port, "dbpath": node.dbpath });
        json!({ "uri": self.uri, "nodes": self.nodes.iter().map(node).collect::<Vec<_>>() }).to_string()
    }

    /// Replaces the file atomically: without it the processes cannot be found.
    fn write(&self, place: &Path) -> Result<()> {
        let fresh = Self::file(place).with_extension("new");
        fs::write(&fresh, self.text())?;
        Ok(fs::rename(fresh, Self::file(place))?)
    }

    /// Returns whether all nodes run.
    fn runs(&self) -> bool {
        self.nodes.iter().all(|node| is_running(node.pid, &node.dbpath))
    }

    /// Ends the nodes that still run, and removes their data and the file. Returns how many it ended.
    fn end(&self, place: &Path) -> Result<usize> {
        let mut ended = 0;
        for node in &self.nodes {
            ended += usize::from(rekindle_mongod::ends(node.pid, &node.dbpath)?);
        }
        for node in &self.nodes {
            // Only a folder that this program created is removed, whatever the file says.
            let folder = node.dbpath.parent().filter(|folder| folder.parent() == Some(place));
            if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
                fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        fs::remove_file(Self::file(place))?;
        Ok(ended)
    }
}

/// Locks the cluster against other processes of this program, until the value is dropped.
fn lock(place: &Path) -> Result<File> {
    fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    let lock = File::create(place.join("running.lock"))?;
    ensure!(lock.try_lock().is_ok(), "another `cargo xtask mongo` is at work; run this again when it is done");
    Ok(lock)
}

fn start(place: &Path, members: usize) -> Result<()> {
    if let Some(uri) = test_uri() {
        println!("{TEST_URI} is set, and that server is used: {}. Nothing is started.", masked(&uri));
        return Ok(());
    }
    let _lock = lock(place)?;
    if let Some(cluster) = RunningCluster::read(place)? {
        if cluster.runs() {
            let many = cluster.nodes.len();
            let other = if many == members { "" } else { " To have another number of nodes, stop it first." };
            println!("It runs already, with {many} node(s): {}{other}", cluster.uri);
            return Ok(());
        }
        println!("What ran before is not whole any more; it is removed, with its data.");
        cluster.end(place)?;
    }
    let binary = find_or_fetch(&|line| eprintln!("{line}"))?;
    // With the options of the tests, which use it during development.
    let nodes = Nodes::start(Options {
        shape: Shape::ReplicaSet(members),
        parent: place.to_owned(),
        fast_ttl: true,
        failpoints: true,
        detached: true,
        ..Options::at(&binary)
    })?;
    let uri = nodes.uri();
    let cluster = RunningCluster { uri, nodes: nodes.leave_running()? };
    if let Err(fault) = cluster.write(place) {
        cluster.end(place)?;
        return Err(fault.context("cannot note what was started"));
    }
    println!("{} runs, with {members} node(s), until `cargo xtask mongo stop`: {}", binary.display(), cluster.uri);
    println!("For tests: export {TEST_URI}=\"$(cargo xtask mongo uri)\"");
    Ok(())
}

fn stop(place: &Path) -> Result<()> {
    let _lock = lock(place)?;
    match RunningCluster::read(place)? {
        Some(cluster) => println!("Ended {} node(s), and removed their data.", cluster.end(place)?),
        None => println!("None runs."),
    }
    if let Some(uri) = test_uri() {
        println!("{TEST_URI} is set; {} is not ours to stop.", masked(&uri));
    }
    Ok(())
}

fn status(place: &Path) -> Result<()> {
    if let Some(uri) = test_uri() {
        println!("{TEST_URI} is set, and tests use that: {}", masked(&uri));
    }
    let Some(cluster) = RunningCluster::read(place)? else {
        println!("None runs: `cargo xtask mongo start` starts one.");
        return Ok(());
    };
    println!("{:<5} {:>8} {:>6}  {:<8} log", "node", "process", "port", "state");
    for (number, node) in cluster.nodes.iter().enumerate() {
        let state = if is_running(node.pid, &node.dbpath) { "running" } else { "gone" };
        let log = node.dbpath.join("mongod.log");
        println!("{number:<5} {:>8} {:>6}  {state:<8} {}", node.pid, node.port, log.display());
    }
    println!("{}", masked(&cluster.uri));
    Ok(())
}

/// Returns the URI of the server from the environment, or else of the cluster that was started here and is running.
pub(crate) fn running() -> Result<Option<String>> {
    running_at(&rekindle_mongod::target_dir().join("mongod"))
}

fn running_at(place: &Path) -> Result<Option<String>> {
    match test_uri() {
        Some(uri) => Ok(Some(uri)),
        None => Ok(RunningCluster::read(place)?.filter(RunningCluster::runs).map(|cluster| cluster.uri)),
    }
}

fn uri(place: &Path) -> Result<()> {
    let Some(uri) = running_at(place)? else { bail!("none runs: `cargo xtask mongo start` starts one") };
    println!("{uri}");
    Ok(())
}

#[cfg(test)]
mod tests;
