//! Invalid requests of every kind: each gets a clear error response where HTTP allows one, loses or discloses nothing,
//! and leaves the server running.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's way to report")]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod clock;
mod slow;
mod strings;
mod wire;

use support::KEY;
use support::process::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Sends these bytes and reads until the server closes the connection. Returns what it sent.
async fn said_to(address: &str, bytes: Vec<u8>) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    // The server may stop reading at any time.
    let sending = tokio::spawn(async move {
        let _ = writer.write_all(&bytes).await;
        writer
    });
    let mut said = Vec::new();
    let ended = timeout(PATIENCE, reader.read_to_end(&mut said)).await;
    assert!(ended.is_ok(), "it is closed in the end; so far: {}", String::from_utf8_lossy(&said));
    sending.abort();
    String::from_utf8_lossy(&said).into_owned()
}

/// Returns a head with these fields besides the usual ones. The connection ends with the response.
fn head(method: &str, path: &str, fields: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nConnection: close\r\n{fields}\r\n")
}

/// Asserts that the response has this status and code, in the shape of all errors, with a request id.
#[track_caller]
fn is_error(said: &str, status: u16, code: &str) {
    assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said}");
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((body["statusCode"].as_u64(), body["code"].as_str()), (Some(u64::from(status)), Some(code)), "{said}");
    let id = body["request_id"].as_str().unwrap();
    assert!(head.contains(&format!("x-request-id: {id}")), "{said}");
}
