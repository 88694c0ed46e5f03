//! Responses when the store or the server itself fails. Work that has begun is completed even if the client hangs up.

mod support;

use std::sync::Arc;
use std::time::Duration;

use rekindle_core::StoreError;
use rekindle_testkit::{FaultyStore, Outage};
use reqwest::{Method, StatusCode};
use serde_json::json;
use support::{Reply, Setup, TestServer};
use tokio::io::AsyncWriteExt;

async fn faulty() -> (TestServer, Arc<FaultyStore>, String) {
    let store = Arc::new(FaultyStore::default());
    let setup = Setup::new().store(Arc::clone(&store) as Arc<dyn rekindle_core::Store>);
    let server = setup.set("REQUEST_TIMEOUT_MS", "500").set("DETECT_INTERVAL_MS", "600000").start().await;
    let session = server.session("p", "m").await;
    (server, store, session)
}

#[tokio::test]
async fn each_failure_of_the_store_has_its_own_response() {
    let (server, store, session) = faulty().await;
    let path = format!("/api/sessions/{session}");
    let why = || "the disk at /secret is gone".to_owned();
    let cases = [
        (StoreError::Unavailable(why()), StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "try again"),
        (StoreError::Unknown(why()), StatusCode::GATEWAY_TIMEOUT, "timeout", "may have happened"),
        (StoreError::TimedOut(why()), StatusCode::GATEWAY_TIMEOUT, "timeout", "in time"),
        (StoreError::Corrupt(why()), StatusCode::INTERNAL_SERVER_ERROR, "internal", "its log says why"),
    ];
    for (error, status, code, words) in cases {
        store.set(Some(Outage::Fails(error)));
        let beat = format!("{path}/heartbeat");
        for reply in [server.get(&path).await, server.get("/api/sessions").await, server.act(&beat).await] {
            assert!(reply.error(status, code).is_empty());
            assert!(reply.text("message").contains(words), "{}", reply.text("message"));
            assert!(!String::from_utf8_lossy(&reply.body).contains("secret"), "causes are for the log");
            let retry = (status == StatusCode::SERVICE_UNAVAILABLE).then_some("1");
            assert_eq!(reply.header("retry-after"), retry);
        }
        // The server is not ready for any of these failures. The readiness of the store is cached for a second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let ready = Reply::of(server.bare(Method::GET, "/ready")).await;
        ready.error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
        Reply::of(server.bare(Method::GET, "/health")).await.expect(StatusCode::OK);
    }
    store.set(None);
    server.get(&path).await.expect(StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn an_overloaded_store_does_not_count_as_out_of_reach() {
    let (server, store, _) = faulty().await;
    store.set(Some(Outage::Fails(StoreError::Overloaded("4096 calls wait".to_owned()))));
    let ready = Reply::of(server.bare(Method::GET, "/ready")).await;
    ready.error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
    let message = ready.text("message");
    assert!(message.contains("overloaded") && !message.contains("out of reach"), "{message}");
    server.stop().await;
}

/// Test-5.2.a.
#[tokio::test]
async fn a_panic_is_an_internal_error_of_that_request_only() {
    let (server, store, session) = faulty().await;
    store.set(Some(Outage::Panics));
    for _ in 0..5 {
        let reply = server.get(&format!("/api/sessions/{session}")).await;
        reply.error(StatusCode::INTERNAL_SERVER_ERROR, "internal");
        assert!(!String::from_utf8_lossy(&reply.body).contains("panics"));
    }
    store.set(None);
    server.get(&format!("/api/sessions/{session}")).await.expect(StatusCode::OK);
    server.stop().await;
}

/// Test-5.2.f, and the work continues.
#[tokio::test]
async fn a_request_that_times_out_is_answered_and_its_work_completes() {
    let (server, store, session) = faulty().await;
    store.set(Some(Outage::Slow(Duration::from_millis(700))));
    let body = json!({ "project_id": "p", "machine_id": "slow" });
    let reply = server.post("/api/sessions", body).await;
    reply.error(StatusCode::GATEWAY_TIMEOUT, "timeout");
    assert_eq!(reply.text("path"), "/api/sessions");
    store.set(None);
    wait_for_session(&server, "slow").await;
    server.get(&format!("/api/sessions/{session}")).await.expect(StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_cancel_its_request() {
    let (server, store, _) = faulty().await;
    store.set(Some(Outage::Slow(Duration::from_millis(300))));
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let body = r#"{"project_id":"p","machine_id":"gone"}"#;
    let head = format!("POST /api/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\n", support::KEY);
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // A reset rather than an orderly end: then the framework drops the handler at once.
    stream.set_zero_linger().unwrap();
    drop(stream);
    store.set(None);
    wait_for_session(&server, "gone").await;
    server.stop().await;
}

async fn wait_for_session(server: &TestServer, machine: &str) {
    let path = format!("/api/sessions?machine_id={machine}");
    let recorded = async {
        while server.get(&path).await.expect(StatusCode::OK).field("total") != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), recorded).await;
    assert!(waited.is_ok(), "the session on {machine} was never recorded");
}
