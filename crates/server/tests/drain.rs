//! Draining as clients see it: the real program, and requests that take long.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's way to report")]

mod support;

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use support::process::{PATIENCE, Process};
use support::{KEY, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Each request uses a connection of its own.
    Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).build().unwrap()
}

/// Sends a part of a request, which the server then works on.
async fn begin(process: &Process, body: &str) -> TcpStream {
    let mut stream = process.connect().await;
    let head = format!(
        "POST /api/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        body.len() + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    timeout(PATIENCE, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut said = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut said)).await.unwrap().unwrap();
    said
}

async fn get(process: &Process, path: &str) -> Reply {
    Reply::of(client().request(Method::GET, process.url(path)).header("X-API-Key", KEY)).await
}

#[tokio::test]
async fn while_draining_requests_in_flight_are_answered_and_new_ones_are_rejected() {
    let mut process = Process::start(&[("DRAIN_TIMEOUT_MS", "60000")]).await;
    let body = json!({ "project_id": "p", "machine_id": "m" }).to_string();
    let mut begun = begin(&process, &body).await;
    // A connection that was used before and is still open.
    let mut open = process.connect().await;
    let ask = format!("GET /api/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\r\n");
    open.write_all(ask.as_bytes()).await.unwrap();
    let mut start = [0; b"HTTP/1.1 200 ".len()];
    timeout(PATIENCE, open.read_exact(&mut start)).await.unwrap().unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 ");

    process.signal("-TERM").await;
    process.until(|line| line["message"] == "Shutting down").await;
    let ready = async {
        while get(&process, "/ready").await.status == StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ready).await.unwrap();
    for (method, path) in [(Method::GET, "/ready"), (Method::GET, "/api/sessions"), (Method::POST, "/api/machines")] {
        let reply = Reply::of(client().request(method, process.url(path)).header("X-API-Key", KEY)).await;
        reply.error(StatusCode::SERVICE_UNAVAILABLE, "draining");
        assert_eq!((reply.header("retry-after"), reply.header("connection")), (Some("1"), Some("close")), "{path}");
    }
    get(&process, "/health").await.expect(StatusCode::OK);
    let stranger = Reply::of(client().get(process.url("/api/sessions"))).await;
    stranger.error(StatusCode::UNAUTHORIZED, "api_key_required");
    // The same on the open connection, which is then closed.
    open.write_all(ask.as_bytes()).await.unwrap();
    let said = rest(&mut open).await;
    let (_, said) = said.split_once("HTTP/1.1 ").unwrap();
    assert!(said.starts_with("503 ") && said.contains("connection: close") && said.contains("draining"), "{said}");

    begun.write_all(b" ").await.unwrap();
    let said = rest(&mut begun).await;
    assert!(said.starts_with("HTTP/1.1 201 ") && said.contains("connection: close"), "{said}");
    assert_eq!(process.end().await.code(), Some(0));
    assert_eq!(process.log.last().unwrap()["message"], "Stopped");
    assert!(process.lines_of("ERROR").is_empty(), "{:?}", process.log);

    // Everything that was acknowledged is stored, and nothing that was rejected.
    let process = Process::start_in(process.folder, &[]).await;
    assert_eq!(get(&process, "/api/sessions").await.expect(StatusCode::OK).field("total"), 1);
    assert_eq!(get(&process, "/api/machines").await.expect(StatusCode::OK).field("total"), 0);
    process.stop().await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for (first, second, code) in [("-TERM", "-TERM", 143), ("-TERM", "-INT", 130)] {
        let mut process = Process::start(&[("DRAIN_TIMEOUT_MS", "3600000")]).await;
        let _never_ends = begin(&process, "{").await;
        process.signal(first).await;
        process.until(|line| line["message"] == "Shutting down").await;
        process.signal(second).await;
        assert_eq!(process.end().await.code(), Some(code));
    }
}

#[tokio::test]
async fn a_hang_up_signal_does_not_end_it() {
    let process = Process::start(&[]).await;
    process.signal("-HUP").await;
    process.signal("-HUP").await;
    get(&process, "/api/sessions").await.expect(StatusCode::OK);
    process.stop().await;
}
