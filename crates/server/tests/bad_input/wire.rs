//! Bytes that are not HTTP, requests whose length is wrong, and rare but valid requests.

use serde_json::json;

use crate::support::process::Process;
use crate::support::{KEY, TestServer};
use crate::{head, is_error, said_to};

const JSON: &str = "Content-Type: application/json\r\n";

fn body(machine: &str) -> String {
    json!({ "project_id": "p", "machine_id": machine }).to_string()
}

async fn sessions(address: &str) -> u64 {
    let said = said_to(address, head("GET", "/api/sessions", "").into_bytes()).await;
    let (_, body) = said.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<serde_json::Value>(body).unwrap()["total"].as_u64().unwrap()
}

#[tokio::test]
async fn bytes_that_are_not_http_get_an_error_and_the_server_continues() {
    let mut process = Process::start(&[]).await;
    let before = process.sockets();
    let fields = |fields: &str| head("POST", "/api/sessions", fields);
    let cases: [Vec<u8>; 14] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /health HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /health HTTP/1.1\r\nHost: x\r\nno field\r\n\r\n".to_vec(),
        b"GET /health HTTP/1.1\r\nX-\xff: y\r\n\r\n".to_vec(),
        b"GET /health HTTP/1.1\r\nX: a\0b\r\n\r\n".to_vec(),
        b"GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        fields(&format!("{JSON}Content-Length: -1\r\n")).into(),
        fields(&format!("{JSON}Content-Length: 1e3\r\n")).into(),
        fields(&format!("{JSON}Content-Length: 99999999999999999999999\r\n")).into(),
        fields(&format!("{JSON}Content-Length: 5\r\nContent-Length: 6\r\n")).into(),
        (fields(&format!("{JSON}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")) + "0\r\n\r\nGET /").into(),
    ];
    for case in cases {
        let shown = String::from_utf8_lossy(&case).into_owned();
        let said = said_to(&process.address, case).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{shown:?}: {said}");
        is_error(&said, 400, "validation_failed");
    }
    for garbage in ["zz\r\n", "5\r\nab\r\n0\r\n\r\n", "fffffffffffffffff\r\n", "-1\r\n", "5;\0\r\nabcde\r\n0\r\n\r\n"] {
        let chunked = fields(&format!("{JSON}Transfer-Encoding: chunked\r\n"));
        let said = said_to(&process.address, (chunked + garbage).into()).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400 "), "{garbage:?}: {said}");
    }
    assert_eq!(sessions(&process.address).await, 0);
    process.frees_all_but(before).await;
    process.signal("-TERM").await;
    assert_eq!(process.end().await.code(), Some(0));
    assert!(process.lines_of("ERROR").is_empty(), "what clients send is no failure of ours: {:?}", process.log);
    let line = process.lines_of("WARN")[0];
    assert!(line["context"]["request_id"].is_string() && line["context"]["ip"] == "127.0.0.1", "{line}");
}

#[tokio::test]
async fn a_wrong_content_length_smuggles_no_request() {
    let server = TestServer::start().await;
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    // Shorter than the body: the rest is read as a request, and refused unless it is one.
    let one = body("one");
    let fields = format!("{JSON}Content-Length: {}\r\n", one.len());
    let head_of_one = head("POST", "/api/sessions", &fields).replace("Connection: close\r\n", "");
    let said = said_to(&address, (head_of_one + &one + &body("two") + "\r\n\r\n").into()).await;
    assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
    assert!(said.contains("HTTP/1.1 400 "), "{said}");
    assert_eq!(sessions(&address).await, 1);
    // Longer than the body: the client stops sending before it is complete.
    let fields = format!("{JSON}Content-Length: {}\r\n", 10_000);
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let all = head("POST", "/api/sessions", &fields) + &body("three");
    tokio::io::AsyncWriteExt::write_all(&mut stream, all.as_bytes()).await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    let mut said = String::new();
    let read = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut said);
    tokio::time::timeout(crate::support::process::PATIENCE, read).await.unwrap().unwrap();
    if !said.is_empty() {
        is_error(&said, 400, "validation_failed");
    }
    assert_eq!(sessions(&address).await, 1, "half a request is none");
    server.stop().await;
}

#[tokio::test]
async fn rare_but_valid_requests_are_answered() {
    let server = TestServer::start().await;
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let said = said_to(&address, b"GET /health HTTP/1.0\r\n\r\n".to_vec()).await;
    assert!(said.starts_with("HTTP/1.0 200 ") || said.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(said.contains(r#""status":"ok""#), "{said}");
    let said = said_to(&address, head("GET", "http://elsewhere.example/health", "").into()).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "an absolute target is its path: {said}");
    let expecting = format!("{JSON}Content-Length: {}\r\nExpect: 100-continue\r\n", body("m").len());
    let said = said_to(&address, (head("POST", "/api/sessions", &expecting) + &body("m")).into()).await;
    assert!(said.starts_with("HTTP/1.1 100 ") && said.contains("HTTP/1.1 201 "), "{said}");
    let said = said_to(&address, head("GET", "/api/sessions", "Expect: a miracle\r\n").into()).await;
    assert!(said.starts_with("HTTP/1.1 "), "{said}");

    // Several requests at once on one connection: each is answered, in order.
    let ask = |path: &str, fields: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n{fields}\r\n");
    let mut all: String = (0..50).map(|n| ask(&format!("/api/nothing/{n}"), "")).collect();
    all += &ask("/health", "Connection: close\r\n");
    let said = said_to(&address, all.into()).await;
    let paths: Vec<_> = said.split("\"path\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let expected: Vec<_> = (0..50).map(|n| format!("/api/nothing/{n}")).collect();
    assert_eq!(paths, expected);
    assert!(said.contains(r#""status":"ok""#), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn invalid_methods_and_keys_are_refused() {
    let server = TestServer::start().await;
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let said = said_to(&address, head("BREW", "/api/sessions", "").into()).await;
    is_error(&said, 405, "method_not_allowed");
    for key in ["' OR 1=1", "{\"$gt\":\"\"}", "*", "\u{e9}", &"x".repeat(5000)] {
        let request = format!("GET /api/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: {key}\r\n\r\n");
        is_error(&said_to(&address, request.into()).await, 401, "api_key_malformed");
    }
    server.stop().await;
}
