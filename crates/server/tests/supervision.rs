//! A background job that dies whenever it is started: it is reported, and in the end the server ends in good order with
//! a failure.
#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rekindle_core::Store;
use rekindle_server::settings::Settings;
use rekindle_server::{ServeError, ServerBuilder};
use rekindle_settings::Environment;
use rekindle_testkit::{FaultyStore, Outage};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use support::KEY;
use tokio::sync::oneshot;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);

/// Starts a server on a store that panics when a lease is claimed. Returns the address and the result of the server.
async fn doomed() -> (SocketAddr, tokio::task::JoinHandle<Result<(), ServeError>>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let variables =
        [("STORE_URL", "sqlite::memory:"), ("API_KEYS", KEY), ("PORT", "0"), ("RATE_LIMIT_PER_MINUTE", "0")];
    let settings = Settings::read(&variables.into_iter().collect::<Environment>()).unwrap();
    let store = Arc::new(FaultyStore::default());
    store.set(Some(Outage::Panics));
    let (listens, listening) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let listening = |address| listens.send(address).map_err(|_| std::io::Error::other("nobody waits"));
        ServerBuilder::new(&settings).store(store as Arc<dyn Store>).run(listening).await
    });
    (timeout(PATIENCE, listening).await.unwrap().unwrap(), serving)
}

#[tokio::test]
async fn a_job_that_keeps_dying_is_reported_and_ends_the_server() {
    let (address, serving) = doomed().await;
    let client = Client::new();
    let ask = |path: &str| client.get(format!("http://{address}{path}")).header("X-API-Key", KEY).send();
    // While the job is restarted, the server reports it and keeps serving.
    let restarts = loop {
        let reply = ask("/health/detailed").await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        let health: Value = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
        let jobs = &health["dependencies"]["background_jobs"];
        let restarts = jobs["jobs"][0]["restarts"].as_u64().unwrap();
        if restarts >= 1 && jobs["status"] == "degraded" {
            assert_eq!(health["status"], "degraded");
            assert_eq!(jobs["jobs"][0]["last_error"], "it panicked; the log says how");
            break restarts;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(restarts < 5, "{restarts}");
    let ended = timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap_err();
    assert_eq!(ended.exit_code(), 1);
    assert!(ended.to_string().contains("died 5 times within 10 minutes"), "{ended}");
    assert!(ask("/health").await.is_err(), "it listens no more");
}
