//! Limits: the rate limits with a manual clock, requests in flight, and heads that are too long or never end.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is how a test reports")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use rekindle_testkit::ManualClock;
use reqwest::{Method, StatusCode};
use serde_json::json;
use support::{KEY, Reply, Setup, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const OTHER: &str = "00000000-0000-4000-8000-000000000007";
const PATIENCE: Duration = Duration::from_secs(20);
/// The first time of the manual clock, in Unix seconds.
const START: u64 = 1_768_811_400;

async fn limited(settings: &[(&str, &str)]) -> (TestServer, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let mut setup = Setup::new().clock(&clock).set("DETECT_INTERVAL_MS", "600000");
    for (name, value) in settings {
        setup = setup.set(name, value);
    }
    (setup.start().await, clock)
}

/// Returns limit, remaining and reset from the headers.
fn rate_limit(reply: &Reply) -> Option<(u64, u64, u64)> {
    let number = |name| reply.header(name).map(|value| value.parse::<u64>().unwrap());
    Some((number("x-ratelimit-limit")?, number("x-ratelimit-remaining")?, number("x-ratelimit-reset")?))
}

async fn with_key(server: &TestServer, key: &str, path: &str) -> Reply {
    Reply::of(server.bare(Method::GET, path).header("X-API-Key", key)).await
}

/// Test-5.2.c, Test-5.2.d: of 110 requests within a minute the last ten are refused, and do not count.
#[tokio::test]
async fn a_hundred_requests_a_minute_are_answered() {
    let (server, clock) = limited(&[("RATE_LIMIT_PER_MINUTE", "100")]).await;
    for n in 1..=100 {
        let reply = server.get("/api/sessions/stalled").await.expect(StatusCode::OK);
        assert_eq!(rate_limit(&reply), Some((100, 100 - n, START + 60)));
        clock.advance(Duration::from_millis(500));
    }
    for n in 0..10 {
        let reply = server.get("/api/sessions").await;
        assert!(reply.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited").is_empty());
        assert_eq!(rate_limit(&reply), Some((100, 0, START + 60)));
        // Ten seconds of the minute are left.
        let wait = (10 - n).to_string();
        assert_eq!(reply.header("retry-after"), Some(wait.as_str()));
        assert!(reply.text("message").contains(&format!("again in {wait} s")), "{}", reply.text("message"));
        clock.advance(Duration::from_secs(1));
    }
    let reply = server.get("/api/sessions").await.expect(StatusCode::OK);
    assert_eq!(rate_limit(&reply), Some((100, 99, START + 120)), "a new minute, from its first request on");
    server.stop().await;
}

#[tokio::test]
async fn a_refused_request_is_not_carried_out() {
    let (server, clock) = limited(&[("RATE_LIMIT_PER_MINUTE", "1")]).await;
    let session = server.session("p", "m").await;
    let body = json!({ "project_id": "p", "machine_id": "other" });
    server.post("/api/sessions", body).await.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    let path = format!("/api/sessions/{session}");
    server.delete(&path).await.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    clock.advance(Duration::from_secs(60));
    assert_eq!(server.get("/api/sessions").await.expect(StatusCode::OK).field("total"), 1);
    server.stop().await;
}

#[tokio::test]
async fn every_response_to_a_valid_key_has_the_rate_limit_headers() {
    let (server, clock) = limited(&[("RATE_LIMIT_PER_MINUTE", "50"), ("MAX_BODY_BYTES", "100")]).await;
    let large = json!({ "project_id": "x".repeat(200), "machine_id": "m" });
    let answers = [
        (server.get("/api/sessions").await, StatusCode::OK),
        (server.get("/api/sessions?limit=0").await, StatusCode::BAD_REQUEST),
        (server.get("/api/nothing").await, StatusCode::NOT_FOUND),
        (server.get("/nothing").await, StatusCode::NOT_FOUND),
        (server.put("/api/sessions", json!({})).await, StatusCode::METHOD_NOT_ALLOWED),
        (server.post("/api/sessions", large).await, StatusCode::PAYLOAD_TOO_LARGE),
        (Reply::of(server.request(Method::HEAD, "/api/sessions")).await, StatusCode::OK),
    ];
    for (n, (reply, status)) in (1_u64..).zip(answers) {
        assert_eq!(reply.status, status);
        assert_eq!(rate_limit(&reply), Some((50, 50 - n, START + 60)), "{status}");
    }
    clock.advance(Duration::from_secs(59));
    // Public endpoints do not check the key, so they neither count nor have these headers.
    for path in ["/health", "/ready", "/api/docs"] {
        assert_eq!(rate_limit(&server.get(path).await.expect(StatusCode::OK)), None);
    }
    for key in ["x", OTHER] {
        let reply = with_key(&server, key, "/api/sessions").await;
        assert_eq!((reply.status, rate_limit(&reply)), (StatusCode::UNAUTHORIZED, None));
    }
    let reply = server.get("/api/sessions").await;
    assert_eq!(rate_limit(&reply), Some((50, 42, START + 60)));
    server.stop().await;
}

#[tokio::test]
async fn each_key_is_counted_separately_and_a_wrong_one_not_at_all() {
    let keys = format!("{KEY},{OTHER}");
    let (server, _) = limited(&[("RATE_LIMIT_PER_MINUTE", "1"), ("API_KEYS", &keys)]).await;
    with_key(&server, KEY, "/api/sessions").await.expect(StatusCode::OK);
    with_key(&server, KEY, "/api/sessions").await.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    with_key(&server, OTHER, "/api/sessions").await.expect(StatusCode::OK);
    let capitals = KEY.to_uppercase();
    with_key(&server, &capitals, "/api/sessions").await.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    // A missing or wrong key is refused as such, whatever the limits are.
    with_key(&server, "x", "/api/sessions").await.error(StatusCode::UNAUTHORIZED, "api_key_malformed");
    server.stop().await;
}

#[tokio::test]
async fn without_a_limit_there_are_no_headers() {
    let (server, _) = limited(&[("RATE_LIMIT_PER_MINUTE", "0")]).await;
    for _ in 0..150 {
        assert_eq!(rate_limit(&server.get("/api/nothing").await), None);
    }
    server.stop().await;
}

#[tokio::test]
async fn heartbeats_count_as_requests_unless_they_have_their_own_limit() {
    let (server, _) = limited(&[("RATE_LIMIT_PER_MINUTE", "3")]).await;
    let beat = format!("/api/sessions/{}/heartbeat", server.session("p", "m").await);
    let reply = server.act(&beat).await.expect(StatusCode::OK);
    assert_eq!(rate_limit(&reply), Some((3, 1, START + 60)));
    server.stop().await;

    let own = [("RATE_LIMIT_PER_MINUTE", "2"), ("RATE_LIMIT_HEARTBEATS_PER_MINUTE", "3")];
    let (server, clock) = limited(&own).await;
    let beat = format!("/api/sessions/{}/heartbeat", server.session("p", "m").await);
    clock.advance(Duration::from_secs(10));
    for n in 1..=3 {
        let reply = server.act(&beat).await.expect(StatusCode::OK);
        assert_eq!(rate_limit(&reply), Some((3, 3 - n, START + 70)));
    }
    let refused = server.act(&beat).await;
    refused.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    assert_eq!(rate_limit(&refused), Some((3, 0, START + 70)));
    assert!(refused.text("message").contains("heartbeats"), "{}", refused.text("message"));
    server.act("/api/machines/m/heartbeat").await.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    let reply = server.get("/api/sessions").await.expect(StatusCode::OK);
    assert_eq!(rate_limit(&reply), Some((2, 0, START + 60)));
    server.get("/api/sessions").await.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    server.stop().await;

    let (server, _) = limited(&[("RATE_LIMIT_PER_MINUTE", "1"), ("RATE_LIMIT_HEARTBEATS_PER_MINUTE", "0")]).await;
    let beat = format!("/api/sessions/{}/heartbeat", server.session("p", "m").await);
    for _ in 0..10 {
        assert_eq!(rate_limit(&server.act(&beat).await.expect(StatusCode::OK)), None);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_address_that_guesses_keys_is_limited_and_a_valid_key_is_not() {
    let (server, clock) = limited(&[("RATE_LIMIT_AUTH_FAILURES_PER_MINUTE", "3")]).await;
    Reply::of(server.bare(Method::GET, "/api/sessions")).await.error(StatusCode::UNAUTHORIZED, "api_key_required");
    with_key(&server, "x", "/api/sessions").await.error(StatusCode::UNAUTHORIZED, "api_key_malformed");
    with_key(&server, OTHER, "/nothing").await.error(StatusCode::UNAUTHORIZED, "api_key_invalid");
    for key in ["x", OTHER] {
        let reply = with_key(&server, key, "/api/sessions").await;
        reply.error(StatusCode::TOO_MANY_REQUESTS, "rate_limited");
        assert_eq!((reply.header("retry-after"), rate_limit(&reply)), (Some("60"), None));
        server.get("/api/sessions").await.expect(StatusCode::OK);
        Reply::of(server.bare(Method::GET, "/health")).await.expect(StatusCode::OK);
    }
    clock.advance(Duration::from_secs(60));
    with_key(&server, OTHER, "/api/sessions").await.error(StatusCode::UNAUTHORIZED, "api_key_invalid");
    server.stop().await;

    let (server, _) = limited(&[("RATE_LIMIT_AUTH_FAILURES_PER_MINUTE", "0")]).await;
    for _ in 0..20 {
        with_key(&server, "x", "/api/sessions").await.error(StatusCode::UNAUTHORIZED, "api_key_malformed");
    }
    server.stop().await;
}

/// Repeats a request until the response has this status.
async fn becomes(server: &TestServer, status: StatusCode) -> Reply {
    let repeated = async {
        loop {
            let reply = server.get("/api/sessions").await;
            if reply.status == status {
                return reply;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, repeated).await.unwrap()
}

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Sends a request without its body, and waits until the server works on it.
async fn begin(server: &TestServer, length: usize) -> TcpStream {
    let mut stream = connect(server).await;
    let head = format!(
        "POST /api/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: {length}\r\n\
         Connection: close\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    timeout(PATIENCE, stream.read_exact(&mut go_on)).await.unwrap().unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&go_on));
    stream
}

#[tokio::test]
async fn requests_in_flight_are_limited() {
    let server = Setup::new().set("MAX_IN_FLIGHT", "1").start().await;
    let body = json!({ "project_id": "p", "machine_id": "m" }).to_string();
    let mut stream = begin(&server, body.len()).await;
    let refused = server.get("/api/sessions").await;
    refused.error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    for path in ["/health", "/ready", "/api/docs/openapi.json"] {
        Reply::of(server.bare(Method::GET, path)).await.expect(StatusCode::OK);
    }
    Reply::of(server.bare(Method::GET, "/api/sessions")).await.error(StatusCode::UNAUTHORIZED, "api_key_required");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut reply = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut reply)).await.unwrap().unwrap();
    assert!(reply.starts_with("HTTP/1.1 201 "), "{reply}");
    assert_eq!(becomes(&server, StatusCode::OK).await.field("total"), 1);

    // A client that hangs up frees its place, too.
    let stream = begin(&server, body.len()).await;
    server.get("/api/sessions").await.error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
    drop(stream);
    becomes(&server, StatusCode::OK).await;
    server.stop().await;
}

/// Sends a head and reads until the server closes the connection. Returns what it sent.
async fn said_to(server: &TestServer, head: Vec<u8>) -> String {
    let (mut reader, mut writer) = connect(server).await.into_split();
    // The server may stop reading at any time.
    let sending = tokio::spawn(async move {
        let _ = writer.write_all(&head).await;
        writer
    });
    let mut said = Vec::new();
    let _ = timeout(PATIENCE, reader.read_to_end(&mut said)).await.expect("the connection is closed in the end");
    sending.abort();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused_and_the_server_continues() {
    let server = TestServer::start().await;
    let head = |fields: String| format!("GET /health HTTP/1.1\r\nHost: x\r\n{fields}\r\n").into_bytes();
    let many: String = (0..1000).map(|n| format!("X-Field-{n}: {n}\r\n")).collect();
    let said = said_to(&server, head(many)).await;
    assert!(said.starts_with("HTTP/1.1 431 "), "{said}");
    // The server does not read an oversized head completely, so the response may be lost.
    let said = said_to(&server, head(format!("X-Field: {}\r\n", "x".repeat(10_000_000)))).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{said}");
    let said = said_to(&server, b"GET /health HTTP/1.1\r\nHost: x\r\nno field\r\n\r\n".to_vec()).await;
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    server.get("/health").await.expect(StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let server = TestServer::start().await;
    let said = said_to(&server, b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_vec()).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
    server.stop().await;
}
