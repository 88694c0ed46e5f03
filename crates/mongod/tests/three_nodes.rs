//! Three nodes: that the set survives the loss of its primary, however that is lost. The name of this program is that of
//! a nextest group whose cases run one at a time: see `.config/nextest.toml`.
#![expect(clippy::unwrap_used, reason = "test code: a failed expectation is its way to report")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, WriteConcern};
use mongodb::{Client, Collection};
use rekindle_mongod::{Nodes, Options, Partition, Shape, binary_case};

/// For what takes some seconds at most.
const GENEROUS: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    rekindle_mongod::suite(&[
        binary_case!(a_killed_primary_is_succeeded_and_comes_back),
        binary_case!(a_primary_that_is_cut_off_is_succeeded),
        binary_case!(a_primary_that_is_cut_off_silently_is_succeeded),
    ])
}

async fn things(uri: &str) -> Collection<Document> {
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.server_selection_timeout = Some(GENEROUS);
    Client::with_options(options).unwrap().database("test").collection("things")
}

fn three(binary: PathBuf) -> Options {
    Options { shape: Shape::ReplicaSet(3), ..Options::at(binary) }
}

/// Tries until it is written; a driver tries a second time only.
async fn write(things: &Collection<Document>, id: i32) {
    let since = Instant::now();
    loop {
        let document = doc! { "$set": { "written": true } };
        match things.update_one(doc! { "_id": id }, document).upsert(true).await {
            Ok(_) => return,
            Err(fault) => assert!(since.elapsed() < GENEROUS, "{fault}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_killed_primary_is_succeeded_and_comes_back(binary: PathBuf) {
    let mut nodes = Nodes::start(three(binary)).unwrap();
    let things = things(&nodes.uri()).await;
    write(&things, 1).await;
    let old = nodes.primary().unwrap();
    nodes.kill(old);
    let new = nodes.primary().unwrap();
    assert_ne!(old, new);
    write(&things, 2).await;
    nodes.restart(old).unwrap();
    nodes.settled().unwrap();
    assert_eq!(things.count_documents(doc! {}).await.unwrap(), 2);
}

/// A client that goes to one node only, by its own port, and so is not cut off with it.
async fn inside(nodes: &Nodes, node: usize) -> Collection<Document> {
    things(&format!("mongodb://127.0.0.1:{}/?directConnection=true", nodes.port(node))).await
}

/// Waits until a node itself finds every other one out of reach, which shows that its outgoing connections are cut too.
async fn hears_nobody(nodes: &Nodes, node: usize) {
    let since = Instant::now();
    loop {
        let status = nodes.command(node, doc! { "replSetGetStatus": 1 }).unwrap();
        let members = status.get_array("members").unwrap().iter().filter_map(Bson::as_document);
        let healthy = members.filter(|member| member.get_f64("health").unwrap() > 0.5).count();
        if healthy == 1 {
            return;
        }
        assert!(since.elapsed() < GENEROUS, "it still hears {} others", healthy - 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn cut_off(binary: PathBuf, how: Partition) {
    let nodes = Nodes::start(Options { behind_proxies: true, ..three(binary) }).unwrap();
    let outside = things(&nodes.uri()).await;
    write(&outside, 1).await;
    let old = nodes.primary().unwrap();
    let inside = inside(&nodes, old).await;
    inside.find_one(doc! {}).await.unwrap();

    nodes.cut(old, how).unwrap();
    let new = nodes.primary().unwrap();
    assert_ne!(old, new);
    hears_nobody(&nodes, old).await;
    // The new one is heard by a majority, and the old one by nobody: what is written there is not acknowledged.
    let majority = WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority);
    let concern = majority.w_timeout(Duration::from_secs(2)).build();
    inside.insert_one(doc! { "_id": 99 }).write_concern(concern).await.unwrap_err();
    let fresh = things(&nodes.uri()).await;
    write(&fresh, 2).await;

    nodes.heal(old).unwrap();
    nodes.settled().unwrap();
    assert_eq!(fresh.count_documents(doc! { "written": true }).await.unwrap(), 2);
    assert_eq!(fresh.count_documents(doc! { "_id": 99 }).await.unwrap(), 0, "what was never acknowledged is undone");
}

async fn a_primary_that_is_cut_off_is_succeeded(binary: PathBuf) {
    cut_off(binary, Partition::Closed).await;
}

async fn a_primary_that_is_cut_off_silently_is_succeeded(binary: PathBuf) {
    cut_off(binary, Partition::Silent).await;
}
