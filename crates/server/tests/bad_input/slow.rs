//! Clients that never finish: the head, a later head on the same connection, the body, or reading the response.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::process::{PATIENCE, Process};
use crate::support::{KEY, TestServer};
use crate::{head, is_error, said_to};

/// Sends byte by byte until the server closes the connection. Returns what it sent.
async fn dribble(stream: TcpStream, bytes: &'static [u8]) -> String {
    let (mut reader, mut writer) = stream.into_split();
    let sending = tokio::spawn(async move {
        for byte in bytes.iter().cycle() {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    let mut said = Vec::new();
    let ended = timeout(PATIENCE, reader.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "nobody is waited for that long");
    sending.abort();
    String::from_utf8_lossy(&said).into_owned()
}

/// Returns an open connection on which one request was answered.
async fn used(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut said = vec![0; 4096];
    let mut length = 0;
    while !said[..length].ends_with(b"}") {
        length += timeout(PATIENCE, stream.read(&mut said[length..])).await.unwrap().unwrap();
    }
    stream
}

#[tokio::test]
async fn a_client_that_sends_byte_by_byte_is_cut_off() {
    let process = Process::start(&[("REQUEST_TIMEOUT_MS", "1500")]).await;
    let before = process.sockets();
    let first = dribble(process.connect().await, b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: never ends ");
    let later = dribble(used(&process.address).await, b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: never ends ");
    let quiet = async {
        let mut stream = used(&process.address).await;
        stream.write_all(b"GET /hea").await.unwrap();
        let mut said = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut said)).await.unwrap().unwrap();
        said
    };
    let body = async {
        let mut stream = process.connect().await;
        let fields = "Content-Type: application/json\r\nContent-Length: 100000\r\n";
        stream.write_all(head("POST", "/api/sessions", fields).as_bytes()).await.unwrap();
        dribble(stream, b" ").await
    };
    let (first, later, quiet, body) = tokio::join!(first, later, quiet, body);
    // A client that is still sending when the response comes may lose it.
    for said in [first, later] {
        if !said.is_empty() {
            is_error(&said, 408, "timeout");
        }
    }
    is_error(&quiet, 408, "timeout");
    if !body.is_empty() {
        is_error(&body, 504, "timeout");
    }
    process.frees_all_but(before).await;
    process.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_kept() {
    let server = TestServer::start().await;
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut stream = used(&address).await;
    // Longer than the time limit of a head.
    sleep(Duration::from_secs(7)).await;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut said = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut said)).await.unwrap().unwrap();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn a_response_that_is_not_read_delays_no_other_request() {
    let server = TestServer::start().await;
    let large = "x".repeat(60_000);
    for n in 0..100 {
        let metadata = json!({ "text": large });
        let body = json!({ "project_id": "p", "machine_id": format!("m{n}"), "metadata": metadata });
        server.post("/api/sessions", body).await.expect(reqwest::StatusCode::CREATED);
    }
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let mut greedy = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let ask = format!("GET /api/sessions?limit=100 HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        greedy.push(stream);
    }
    let said = said_to(&address, head("GET", "/api/sessions?limit=1", "").into_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{}", &said[..100]);
    drop(greedy);
    server.stop().await;
}
