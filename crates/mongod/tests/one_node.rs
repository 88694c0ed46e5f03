//! One node: acknowledged writes survive a kill, it ends with its owner, and it has the variants that error tests need.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "test code: a failed expectation is its way to report"
)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::Client;
use mongodb::error::ErrorKind;
use mongodb::options::ClientOptions;
use rekindle_mongod::{Nodes, Options, Shape, binary_case, case, ends};

/// Set for a process that holds a node until it is killed.
const HOLDER: &str = "REKINDLE_MONGOD_HOLDER";

fn main() -> ExitCode {
    if let Some(parent) = std::env::var_os(HOLDER) {
        hold_node(parent.into());
        return ExitCode::SUCCESS;
    }
    rekindle_mongod::suite(&[
        case!(shared_server_has_transactions),
        binary_case!(written_data_survives_a_kill),
        binary_case!(paused_node_continues_after_resume),
        binary_case!(dropped_nodes_leave_nothing_behind),
        binary_case!(killed_process_leaves_no_mongod_behind),
        binary_case!(standalone_has_no_replica_set),
        binary_case!(user_must_authenticate),
        binary_case!(failpoint_can_be_set),
        binary_case!(detached_nodes_can_be_left_running),
        binary_case!(rejected_argument_is_quoted),
    ])
}

async fn client(uri: &str) -> Client {
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.server_selection_timeout = Some(Duration::from_secs(30));
    Client::with_options(options).unwrap()
}

async fn shared_server_has_transactions(uri: String) {
    let hello = client(&uri).await.database("admin").run_command(doc! { "hello": 1 }).await.unwrap();
    let is_set = hello.contains_key("setName") || hello.get_str("msg").ok() == Some("isdbgrid");
    assert!(is_set, "tests need a replica set or a sharded cluster: {hello}");
}

async fn written_data_survives_a_kill(binary: PathBuf) {
    let mut nodes = Nodes::start(Options::at(binary)).unwrap();
    assert_eq!((nodes.len(), nodes.primary().unwrap()), (1, 0));
    let client = client(&nodes.uri()).await;
    let documents = client.database("test").collection::<Document>("things");
    documents.insert_one(doc! { "_id": 1, "word": "kept" }).await.unwrap();

    let pid = nodes.pid(0).unwrap();
    nodes.kill(0);
    assert_eq!(nodes.pid(0), None);
    nodes.restart(0).unwrap();
    assert_ne!(nodes.pid(0), Some(pid));
    nodes.settled().unwrap();
    // The client reconnects to the same address.
    let found = documents.find_one(doc! { "_id": 1 }).await.unwrap().expect("what was written is there");
    assert_eq!(found.get_str("word").unwrap(), "kept");
}

async fn paused_node_continues_after_resume(binary: PathBuf) {
    let mut nodes = Nodes::start(Options::at(binary)).unwrap();
    let client = client(&nodes.uri()).await;
    let documents = client.database("test").collection::<Document>("things");
    documents.insert_one(doc! { "_id": 1 }).await.unwrap();
    nodes.pause(0).unwrap();
    let late = tokio::spawn(async move { documents.insert_one(doc! { "_id": 2 }).await.map(|_| documents) });
    nodes.resume(0).unwrap();
    let documents = late.await.unwrap().unwrap();
    assert_eq!(documents.count_documents(doc! {}).await.unwrap(), 2);
    nodes.shut_down(0).unwrap();
    assert_eq!(nodes.pid(0), None);
}

async fn dropped_nodes_leave_nothing_behind(binary: PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let options = Options { parent: parent.path().to_owned(), shape: Shape::Standalone, ..Options::at(binary) };
    let nodes = Nodes::start(options).unwrap();
    let pid = nodes.pid(0).unwrap();
    let process = PathBuf::from(format!("/proc/{pid}"));
    assert!(std::fs::read_dir(parent.path()).unwrap().count() == 1 && process.exists());
    // Also when a panic drops them.
    let ended = std::thread::spawn(move || {
        let _held = nodes;
        panic!("as a failed test does");
    });
    ended.join().unwrap_err();
    assert!(std::fs::read_dir(parent.path()).unwrap().count() == 0 && !process.exists());
}

/// Starts a node, prints the id of its process, and waits forever.
fn hold_node(parent: PathBuf) {
    let binary = rekindle_mongod::test_binary().unwrap();
    let options = Options { parent, shape: Shape::Standalone, ..Options::at(binary) };
    let nodes = Nodes::start(options).unwrap();
    println!("{}", nodes.pid(0).unwrap());
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

async fn killed_process_leaves_no_mongod_behind(binary: PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .env(HOLDER, parent.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let dbpath = std::fs::read_dir(parent.path()).unwrap().next().unwrap().unwrap().path();
    let process = PathBuf::from(format!("/proc/{}", line.trim()));
    assert!(process.exists());
    holder.kill().unwrap();
    holder.wait().unwrap();
    let since = Instant::now();
    // A zombie that no process reaps does not count as running.
    while std::fs::read(process.join("cmdline")).is_ok_and(|line| !line.is_empty()) {
        assert!(since.elapsed() < Duration::from_secs(60), "the mongod of a killed process lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The next start removes its folder.
    let options = Options { parent: parent.path().to_owned(), shape: Shape::Standalone, ..Options::at(binary) };
    let _next = Nodes::start(options).unwrap();
    assert!(!dbpath.exists());
}

async fn standalone_has_no_replica_set(binary: PathBuf) {
    let nodes = Nodes::start(Options { shape: Shape::Standalone, ..Options::at(binary) }).unwrap();
    assert!(!nodes.uri().contains("replicaSet"), "{}", nodes.uri());
    let client = client(&nodes.uri()).await;
    let hello = client.database("admin").run_command(doc! { "hello": 1 }).await.unwrap();
    assert!(!hello.contains_key("setName"), "{hello}");
}

async fn user_must_authenticate(binary: PathBuf) {
    let password = "p@ss/w:rd?";
    let user = Some(("tester".to_owned(), password.to_owned()));
    let nodes = Nodes::start(Options { user, ..Options::at(binary) }).unwrap();
    assert!(!rekindle_mongod::masked(&nodes.uri()).contains("p%40ss"));
    let ping = |uri: String| async move { client(&uri).await.database("test").list_collection_names().await };
    ping(nodes.uri()).await.unwrap();
    let wrong = ping(nodes.uri().replace("p%40ss", "wrong")).await.unwrap_err();
    assert!(matches!(*wrong.kind, ErrorKind::Authentication { .. }), "{wrong}");
    let anonymous = ping(format!("mongodb://127.0.0.1:{}/?replicaSet=rekindle", nodes.port(0))).await.unwrap_err();
    assert!(anonymous.to_string().contains("authentication"), "{anonymous}");
    // Commands are run as the configured user.
    nodes.command(0, doc! { "usersInfo": 1 }).unwrap();
}

async fn failpoint_can_be_set(binary: PathBuf) {
    let nodes = Nodes::start(Options { failpoints: true, fast_ttl: true, ..Options::at(binary) }).unwrap();
    let fail = doc! { "failCommands": ["insert"], "errorCode": 50 };
    let set = doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": fail };
    nodes.command(0, set).unwrap();
    let client = client(&nodes.uri()).await;
    let documents = client.database("test").collection::<Document>("things");
    let error = documents.insert_one(doc! {}).await.unwrap_err();
    assert!(matches!(&*error.kind, ErrorKind::Command(error) if error.code == 50), "{error}");
    documents.insert_one(doc! {}).await.unwrap();
    let ttl = nodes.command(0, doc! { "getParameter": 1, "ttlMonitorSleepSecs": 1 }).unwrap();
    assert_eq!(ttl.get_i32("ttlMonitorSleepSecs").unwrap(), 1);
}

async fn detached_nodes_can_be_left_running(binary: PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let here = parent.path().to_owned();
    let nodes = Nodes::start(Options { detached: true, parent: here.clone(), ..Options::at(binary.clone()) }).unwrap();
    let uri = nodes.uri();
    let left = nodes.leave_running().unwrap();
    assert_eq!(left.len(), 1);
    client(&uri).await.database("test").list_collection_names().await.unwrap();

    // The next start must not remove its folder as that of a killed owner.
    drop(Nodes::start(Options { parent: here, shape: Shape::Standalone, ..Options::at(binary) }).unwrap());
    assert!(left[0].dbpath.is_dir());
    assert!(ends(left[0].pid, &left[0].dbpath).unwrap(), "it was there, and was ended");
    assert!(!ends(left[0].pid, &left[0].dbpath).unwrap(), "it is there no more");
}

async fn rejected_argument_is_quoted(binary: PathBuf) {
    let arguments = vec!["--nonsense".to_owned()];
    let error = Nodes::start(Options { arguments, ..Options::at(binary) }).unwrap_err();
    assert!(format!("{error:#}").contains("nonsense"), "{error:#}");
}
