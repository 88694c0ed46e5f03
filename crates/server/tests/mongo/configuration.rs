//! How the server starts on MongoDB, and the message when it cannot: status 78, the setting, what to do, no secret.

use std::path::PathBuf;
use std::time::Duration;

use rekindle_mongod::{Nodes, Options, Shape};
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use crate::database::Database;
use crate::server::{KEY, PATIENCE, Server, note, program, until};

const SECRET: &str = "hunter2-is-a-secret";

/// Runs the program, which must fail with the status of a configuration error. Returns what it printed.
async fn refused(variables: &[(&str, &str)]) -> String {
    let mut command = program(variables);
    command.env("API_KEYS", KEY).env("PORT", "0").env("RATE_LIMIT_PER_MINUTE", "0");
    let ended = tokio::task::spawn_blocking(move || command.spawn().unwrap().wait_with_output().unwrap());
    let output = timeout(PATIENCE, ended).await.expect("it ends by itself").unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{variables:?}: {said}");
    assert!(said.contains("ConfigurationError"), "{said}");
    assert!(!said.contains(SECRET) && !said.contains(KEY), "a secret is shown: {said}");
    said
}

/// Asserts that a text has all of these words.
#[track_caller]
fn names(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "there is no {word:?} in: {said}");
    }
}

pub(crate) async fn test_1_2_c_it_starts_with_a_mongodb_uri_and_is_ready(uri: String) {
    let database = Database::at(&uri);
    let variables = [
        ("MONGODB_URI", uri.as_str()),
        ("MONGODB_DATABASE", database.name.as_str()),
        ("API_KEYS", KEY),
        ("PORT", "0"),
        ("RATE_LIMIT_PER_MINUTE", "0"),
    ];
    let server = Server::with(&variables).await;
    let health = server.api.get("/health").await.unwrap().expect(StatusCode::OK);
    assert_eq!(health["status"], "ok");
    server.ready().await;
    let body = json!({ "project_id": "p", "machine_id": "m" });
    let session = server.api.post("/api/sessions", &body).await.unwrap().expect(StatusCode::CREATED);
    let path = format!("/api/sessions/{}", session["session_id"].as_str().unwrap());
    assert_eq!(server.api.get(&path).await.unwrap().expect(StatusCode::OK), session);
}

pub(crate) async fn test_1_2_d_without_a_mongodb_uri_it_is_a_configuration_error(_: String) {
    names(&refused(&[]).await, &["STORE_URL"]);
}

pub(crate) async fn an_invalid_uri_is_refused(_: String) {
    let bad = [
        "mongodb://".to_owned(),
        "mongodb:".to_owned(),
        "mongodb:///".to_owned(),
        format!("mongodb://admin:{SECRET}@"),
        format!("mongodb://admin:{SECRET}@db:not-a-port/"),
        format!("mongodb://admin:{SECRET}@db:1:2/"),
        format!("mongodb://admin:{SECRET}@db/?retryWrites=perhaps"),
        format!("mongodb://admin:{SECRET}@db/?connectTimeoutMS=soon"),
        format!("mongodb://admin:{SECRET}/half@db/"),
        format!("mongodb+srv://admin:{SECRET}@db:27017/"),
    ];
    for uri in &bad {
        for name in ["STORE_URL", "MONGODB_URI"] {
            names(&refused(&[(name, uri)]).await, &[name]);
        }
    }
    let other = refused(&[("MONGODB_URI", "sqlite:rekindle.db")]).await;
    names(&other, &["MONGODB_URI", "mongodb://", "STORE_URL"]);
    let name = refused(&[("MONGODB_URI", "mongodb://127.0.0.1:1/"), ("MONGODB_DATABASE", "a.b")]).await;
    names(&name, &["MONGODB_DATABASE"]);
}

pub(crate) async fn contradicting_settings_are_refused(uri: String) {
    let other = format!("mongodb://admin:{SECRET}@127.0.0.1:1/");
    let said = refused(&[("STORE_URL", &uri), ("MONGODB_URI", &other)]).await;
    names(&said, &["STORE_URL", "MONGODB_URI"]);
}

pub(crate) async fn a_wrong_password_is_refused_and_never_shown(binary: PathBuf) {
    let user = Some(("keeper".to_owned(), "right".to_owned()));
    let nodes = Nodes::start(Options { user, ..Options::at(binary) }).unwrap();
    let wrong = nodes.uri().replace(":right@", &format!(":{SECRET}@"));
    let said = refused(&[("STORE_URL", &wrong)]).await;
    names(&said, &["STORE_URL", "password"]);
    let no_user = nodes.uri().replace("keeper:right@", "");
    names(&refused(&[("MONGODB_URI", &no_user)]).await, &["MONGODB_URI"]);
    // The right password is accepted.
    let database = Database::at(&nodes.uri());
    let server = Server::start(&nodes.uri(), &database.name, &[]).await;
    server.ready().await;
    let shown = server.said(|line| line.to_string().contains("right"));
    assert!(shown.is_empty(), "a password is in the log: {shown:?}");
}

pub(crate) async fn a_standalone_server_is_refused(binary: PathBuf) {
    let nodes = Nodes::start(Options { shape: Shape::Standalone, ..Options::at(binary) }).unwrap();
    let said = refused(&[("STORE_URL", &nodes.uri())]).await;
    names(&said, &["STORE_URL", "--replSet"]);
}

pub(crate) async fn a_database_that_is_out_of_reach_is_retried(binary: PathBuf) {
    let mut nodes = Nodes::start(Options::at(binary)).unwrap();
    let uri = nodes.uri();
    nodes.kill(0);
    // Declared before the server, so that it is dropped after it.
    let database = Database::at(&uri);
    let server = Server::start(&uri, &database.name, &[("STORE_TIMEOUT_MS", "3000")]).await;
    server.api.get("/health").await.unwrap().expect(StatusCode::OK);
    let body = json!({ "project_id": "p", "machine_id": "m" });
    for answer in [
        server.api.get("/ready").await.unwrap(),
        server.api.post("/api/sessions", &body).await.unwrap(),
        server.api.get("/api/sessions").await.unwrap(),
    ] {
        let seconds = answer.retry_after.clone().and_then(|seconds| seconds.parse::<u64>().ok());
        assert!(seconds.is_some_and(|seconds| seconds > 0), "{answer:?}");
        assert_eq!(answer.expect(StatusCode::SERVICE_UNAVAILABLE)["code"], "store_unavailable");
    }
    nodes.restart(0).unwrap();
    nodes.settled().unwrap();
    let since = std::time::Instant::now();
    server.ready().await;
    note(format!("ready {:.1} s after the node had a primary", since.elapsed().as_secs_f64()));
    // An open circuit lets single requests through.
    let session = until("a session can be created", || async {
        let answer = server.api.post("/api/sessions", &body).await?;
        (answer.status == StatusCode::CREATED).then_some(answer.body)
    });
    timeout(Duration::from_secs(60), session).await.unwrap();
}
