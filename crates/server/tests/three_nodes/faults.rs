//! The loss of a node in several forms, under load.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bson::doc;
use rekindle_mongod::{Nodes, Options, Partition, Shape};
use serde_json::Value;

use crate::database::Database;
use crate::ledger::everything;
use crate::load::Load;
use crate::server::{Server, note, until};

/// How soon after the loss of a primary requests must be served again.
const SOON: Duration = Duration::from_secs(15);

/// How long a primary is paused: several times the election timeout.
const PAUSE: Duration = Duration::from_secs(12);

/// The number of requests that each server must have served before a fault and after it.
const ENOUGH: usize = 100;

/// A secondary that copies from a node that fell silent gives up after a few seconds, not after a minute. Until then no
/// write has a majority, and all would wait for MongoDB's own time limit.
const RESYNC_SOON: [&str; 4] =
    ["--setParameter", "oplogInitialFindMaxSeconds=2", "--setParameter", "oplogNetworkTimeoutBufferSeconds=1"];

/// Three nodes, two servers on them, and clients at work.
struct Scene {
    // Dropped in this order: servers, then the database, then the nodes.
    servers: [Server; 2],
    load: Load,
    database: Database,
    nodes: Nodes,
}

impl Scene {
    async fn set(binary: PathBuf, behind_proxies: bool) -> Self {
        let arguments = RESYNC_SOON.iter().map(|word| (*word).to_owned()).collect();
        let options = Options { shape: Shape::ReplicaSet(3), behind_proxies, arguments, ..Options::at(binary) };
        let nodes = Nodes::start(options).unwrap();
        notice_soon(&nodes);
        let database = Database::at(&nodes.uri());
        let servers = [
            Server::start(&database.uri, &database.name, &[]).await,
            Server::start(&database.uri, &database.name, &[]).await,
        ];
        for server in &servers {
            server.ready().await;
        }
        let load = Load::on(&[servers[0].api.clone(), servers[1].api.clone()]);
        let scene = Self { servers, load, database, nodes };
        scene.served_more().await;
        scene
    }

    /// Waits until both servers have served more requests.
    async fn served_more(&self) {
        let since = Instant::now();
        until("both servers serve", || async { (self.load.watch.served_since(since) >= ENOUGH).then_some(()) }).await;
    }

    /// Waits until both servers have recovered from a fault, prints the times, and asserts that they are short enough.
    async fn over(&self, what: &str, fault: Instant) {
        until("both servers are over it", || async { self.load.watch.is_calm(fault).then_some(()) }).await;
        for server in 0..2 {
            let over = self.load.watch.over(server, fault).unwrap();
            note(format!("{what}, server {server}: {over}"));
            assert!(over.steady <= SOON, "{what}, server {server}: {over}");
        }
    }

    /// Waits until another node is primary, and prints the time.
    fn succeeded(&self, what: &str, fault: Instant) {
        self.nodes.primary().unwrap();
        note(format!("{what}: another primary after {:.1?}", fault.elapsed()));
    }

    /// Ends the load and compares what was acknowledged with what is stored.
    async fn end(self) {
        let Self { servers, load, database, nodes } = self;
        nodes.settled().unwrap();
        let books = load.stop().await;
        let count = |of: fn(&crate::ledger::Book) -> usize| books.iter().map(of).sum::<usize>();
        let [created, beats, recovered] =
            [count(|book| book.created), count(|book| book.beats), count(|book| book.recovered)];
        note(format!("acknowledged: {created} creates, {beats} beats, {recovered} recoveries"));
        assert!(created > 0 && beats > 0 && recovered > 0);
        let mut broken: Vec<String> = Vec::new();
        for server in &servers {
            let found: HashMap<String, Value> = everything(&server.api).await;
            broken.extend(books.iter().flat_map(|book| book.missing(&found)));
        }
        broken.extend(books.into_iter().flat_map(|book| book.wrong));
        drop(servers);
        broken.extend(database.broken().await);
        assert!(broken.is_empty(), "{} things are wrong:\n{}", broken.len(), broken.join("\n"));
        drop((database, nodes));
    }
}

/// Makes members consider a silent one as dead after 2 s. A new primary first asks all others for their progress, and
/// accepts no writes until they have answered or are considered dead. With the default of 10 s the test would measure
/// only that.
fn notice_soon(nodes: &Nodes) {
    let primary = nodes.primary().unwrap();
    let found = nodes.command(primary, doc! { "replSetGetConfig": 1 }).unwrap();
    let mut config = found.get_document("config").unwrap().clone();
    let version = config.get_i32("version").unwrap();
    config.insert("version", version + 1);
    config.get_document_mut("settings").unwrap().insert("heartbeatTimeoutSecs", 2);
    nodes.command(primary, doc! { "replSetReconfig": config }).unwrap();
    nodes.settled().unwrap();
}

pub(crate) async fn a_killed_primary_loses_nothing(binary: PathBuf) {
    let mut scene = Scene::set(binary, false).await;
    let primary = scene.nodes.primary().unwrap();
    let fault = Instant::now();
    scene.nodes.kill(primary);
    scene.succeeded("primary killed", fault);
    scene.over("primary killed", fault).await;
    scene.nodes.restart(primary).unwrap();
    scene.nodes.settled().unwrap();
    scene.served_more().await;
    scene.end().await;
}

pub(crate) async fn a_paused_primary_loses_nothing(binary: PathBuf) {
    let mut scene = Scene::set(binary, false).await;
    let primary = scene.nodes.primary().unwrap();
    let fault = Instant::now();
    scene.nodes.pause(primary).unwrap();
    scene.succeeded("primary stands still", fault);
    // The pause ends after another node was elected, and before the servers give up their connections.
    tokio::time::sleep(PAUSE.saturating_sub(fault.elapsed())).await;
    scene.nodes.resume(primary).unwrap();
    scene.over("primary stood still for 12 s", fault).await;
    scene.served_more().await;
    scene.end().await;
}

pub(crate) async fn a_node_that_is_cut_off_loses_nothing(binary: PathBuf) {
    let scene = Scene::set(binary, true).await;
    let primary = scene.nodes.primary().unwrap();
    let secondary = (primary + 1) % 3;
    let fault = Instant::now();
    scene.nodes.cut(secondary, Partition::Silent).unwrap();
    scene.served_more().await;
    scene.over("secondary cut off", fault).await;
    scene.nodes.heal(secondary).unwrap();
    scene.nodes.settled().unwrap();
    scene.served_more().await;
    for how in [Partition::Closed, Partition::Silent] {
        let primary = scene.nodes.primary().unwrap();
        let fault = Instant::now();
        scene.nodes.cut(primary, how).unwrap();
        scene.succeeded(&format!("primary cut off ({how:?})"), fault);
        scene.over(&format!("primary cut off ({how:?})"), fault).await;
        scene.nodes.heal(primary).unwrap();
        scene.nodes.settled().unwrap();
        scene.served_more().await;
    }
    scene.end().await;
}
