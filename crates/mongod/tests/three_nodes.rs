//! Three nodes: the set survives the loss of its primary in every way. The name of this program is that of a nextest
//! group whose cases run one at a time: see `.config/nextest.toml`.
#![expect(clippy::unwrap_used, reason = "test code: a failed expectation is its way to report")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, WriteConcern};
use mongodb::{Client, Collection};
use rekindle_mongod::{Nodes, Options, Partition, Shape, binary_case};

/// The time limit of each step, which takes a few seconds.
const TIMEOUT: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    rekindle_mongod::suite(&[
        binary_case!(killed_primary_is_replaced_and_returns),
        binary_case!(primary_behind_closed_connections_is_replaced),
        binary_case!(silent_primary_is_replaced),
    ])
}

async fn documents(uri: &str) -> Collection<Document> {
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.server_selection_timeout = Some(TIMEOUT);
    Client::with_options(options).unwrap().database("test").collection("things")
}

fn three(binary: PathBuf) -> Options {
    Options { shape: Shape::ReplicaSet(3), ..Options::at(binary) }
}

/// Retries until the document is written; a driver retries only once.
async fn write(documents: &Collection<Document>, id: i32) {
    let since = Instant::now();
    loop {
        let document = doc! { "$set": { "written": true } };
        match documents.update_one(doc! { "_id": id }, document).upsert(true).await {
            Ok(_) => return,
            Err(error) => assert!(since.elapsed() < TIMEOUT, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn killed_primary_is_replaced_and_returns(binary: PathBuf) {
    let mut nodes = Nodes::start(three(binary)).unwrap();
    let documents = documents(&nodes.uri()).await;
    write(&documents, 1).await;
    let old = nodes.primary().unwrap();
    nodes.kill(old);
    let new = nodes.primary().unwrap();
    assert_ne!(old, new);
    write(&documents, 2).await;
    nodes.restart(old).unwrap();
    nodes.settled().unwrap();
    assert_eq!(documents.count_documents(doc! {}).await.unwrap(), 2);
}

/// Returns a client of one node by its own port, which a cut does not affect.
async fn direct_client(nodes: &Nodes, node: usize) -> Collection<Document> {
    documents(&format!("mongodb://127.0.0.1:{}/?directConnection=true", nodes.port(node))).await
}

/// Waits until a node finds every other one out of reach, which shows that its outgoing connections are cut too.
async fn wait_until_isolated(nodes: &Nodes, node: usize) {
    let since = Instant::now();
    loop {
        let status = nodes.command(node, doc! { "replSetGetStatus": 1 }).unwrap();
        let members = status.get_array("members").unwrap().iter().filter_map(Bson::as_document);
        let healthy = members.filter(|member| member.get_f64("health").unwrap() > 0.5).count();
        if healthy == 1 {
            return;
        }
        assert!(since.elapsed() < TIMEOUT, "it still hears {} others", healthy - 1);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn cut_off(binary: PathBuf, how: Partition) {
    let nodes = Nodes::start(Options { behind_proxies: true, ..three(binary) }).unwrap();
    let outside = documents(&nodes.uri()).await;
    write(&outside, 1).await;
    let old = nodes.primary().unwrap();
    let client_of_old = direct_client(&nodes, old).await;
    client_of_old.find_one(doc! {}).await.unwrap();

    nodes.cut(old, how).unwrap();
    let new = nodes.primary().unwrap();
    assert_ne!(old, new);
    wait_until_isolated(&nodes, old).await;
    // The new primary reaches a majority, and the old one no other node: writes to the old one are not acknowledged.
    let majority = WriteConcern::builder().w(mongodb::options::Acknowledgment::Majority);
    let concern = majority.w_timeout(Duration::from_secs(2)).build();
    client_of_old.insert_one(doc! { "_id": 99 }).write_concern(concern).await.unwrap_err();
    let fresh = documents(&nodes.uri()).await;
    write(&fresh, 2).await;

    nodes.heal(old).unwrap();
    nodes.settled().unwrap();
    assert_eq!(fresh.count_documents(doc! { "written": true }).await.unwrap(), 2);
    assert_eq!(fresh.count_documents(doc! { "_id": 99 }).await.unwrap(), 0, "what was never acknowledged is undone");
}

async fn primary_behind_closed_connections_is_replaced(binary: PathBuf) {
    cut_off(binary, Partition::Closed).await;
}

async fn silent_primary_is_replaced(binary: PathBuf) {
    cut_off(binary, Partition::Silent).await;
}
