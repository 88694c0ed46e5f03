//! Headers for browsers: which pages may use the API, and what a browser may do with a response.

mod support;

use reqwest::{Method, StatusCode};
use serde_json::json;
use support::{KEY, Reply, Setup, TestServer};

const PAGE: &str = "vscode-webview://0b7p4l5g1q2c";
const OTHER_PAGE: &str = "https://app.example.org:8443";
const FOREIGN: &str = "https://evil.example";

async fn open_to_pages() -> TestServer {
    let origins = format!("{PAGE}, {OTHER_PAGE}");
    Setup::new().set("CORS_ALLOWED_ORIGINS", &origins).set("RATE_LIMIT_PER_MINUTE", "3").start().await
}

async fn preflight(server: &TestServer, origin: &str, path: &str) -> Reply {
    let request = server.bare(Method::OPTIONS, path).header("Origin", origin);
    let request = request.header("Access-Control-Request-Method", "PATCH");
    Reply::of(request.header("Access-Control-Request-Headers", "content-type,x-api-key")).await
}

/// Returns the names in a header, in lower case.
fn names(reply: &Reply, header: &str) -> Vec<String> {
    let value = reply.header(header).unwrap_or_default().to_lowercase();
    value.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn has_cors(reply: &Reply) -> bool {
    reply.headers.keys().any(|name| name.as_str().starts_with("access-control-"))
}

/// Test-1.4.d: the pages of the extension can send a preflight without a key.
#[tokio::test]
async fn a_preflight_of_an_allowed_page_is_answered_without_a_key() {
    let server = open_to_pages().await;
    for origin in [PAGE, OTHER_PAGE] {
        for path in ["/api/sessions", "/api/tasks/x", "/health", "/nothing"] {
            let reply = preflight(&server, origin, path).await.expect(StatusCode::NO_CONTENT);
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
            let methods = names(&reply, "access-control-allow-methods");
            assert_eq!(methods, ["get", "head", "post", "put", "patch", "delete"]);
            let headers = names(&reply, "access-control-allow-headers");
            assert_eq!(headers, ["x-api-key", "content-type", "if-match", "idempotency-key", "traceparent"]);
            assert!(reply.header("access-control-max-age").unwrap().parse::<u32>().unwrap() > 0);
            assert_eq!(reply.header("access-control-allow-credentials"), None);
            assert_eq!(reply.header("vary"), Some("Origin"));
            assert!(reply.header("x-request-id").is_some() && reply.body.is_empty());
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn an_allowed_page_can_read_every_response_including_errors() {
    let server = open_to_pages().await;
    let from_page = |key: Option<&'static str>, path: &str| {
        let request = server.bare(Method::GET, path).header("Origin", PAGE);
        Reply::of(match key {
            Some(key) => request.header("X-API-Key", key),
            None => request,
        })
    };
    let answers = [
        (from_page(Some(KEY), "/api/sessions").await, StatusCode::OK),
        (from_page(Some(KEY), "/api/nothing").await, StatusCode::NOT_FOUND),
        (from_page(Some(KEY), "/api/sessions?limit=0").await, StatusCode::BAD_REQUEST),
        (from_page(Some(KEY), "/api/sessions").await, StatusCode::TOO_MANY_REQUESTS),
        (from_page(None, "/api/sessions").await, StatusCode::UNAUTHORIZED),
        (from_page(None, "/health").await, StatusCode::OK),
    ];
    for (reply, status) in answers {
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE), "{status}");
        assert_eq!(reply.header("vary"), Some("Origin"), "{status}");
        let mut exposed = names(&reply, "access-control-expose-headers");
        exposed.sort_unstable();
        let expected = [
            "etag",
            "idempotent-replayed",
            "location",
            "retry-after",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
            "x-request-id",
        ];
        assert_eq!(exposed, expected, "{status}");
    }
    let docs = from_page(None, "/api/docs").await.expect(StatusCode::OK);
    let vary: Vec<_> = docs.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["accept", "Origin"]);
    server.stop().await;
}

#[tokio::test]
async fn an_overloaded_or_draining_server_answers_pages_too() {
    let mut server = open_to_pages().await;
    let running = server.take();
    running.state().admission.drain();
    let reply = Reply::of(server.bare(Method::GET, "/ready").header("Origin", PAGE)).await;
    reply.error(StatusCode::SERVICE_UNAVAILABLE, "draining");
    assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE));
    running.stop().await;
}

#[tokio::test]
async fn a_foreign_page_gets_no_permission() {
    let server = open_to_pages().await;
    for origin in [FOREIGN, "null", "https://app.example.org", "vscode-webview://0b7p4l5g1q2c.evil.example"] {
        let reply = preflight(&server, origin, "/api/sessions").await;
        reply.error(StatusCode::FORBIDDEN, "forbidden");
        assert!(!has_cors(&reply), "{origin}");
        assert_eq!(reply.header("vary"), Some("Origin"));
    }
    // The response is the same as for every client: the browser withholds it from the page.
    let reply = Reply::of(server.request(Method::GET, "/api/sessions").header("Origin", FOREIGN)).await;
    assert!(!has_cors(&reply.clone().expect(StatusCode::OK)));
    assert_eq!(reply.header("vary"), Some("Origin"));
    let reply = server.get("/api/sessions").await.expect(StatusCode::OK);
    assert!(!has_cors(&reply));
    assert_eq!(reply.header("vary"), Some("Origin"), "a cache must not show this to a page");
    server.stop().await;
}

#[tokio::test]
async fn without_configured_origins_no_page_is_allowed() {
    let server = TestServer::start().await;
    let reply = preflight(&server, PAGE, "/api/sessions").await;
    reply.error(StatusCode::FORBIDDEN, "forbidden");
    let answer = Reply::of(server.request(Method::GET, "/api/sessions").header("Origin", PAGE)).await;
    for reply in [reply, answer] {
        assert!(!has_cors(&reply));
        assert_eq!(reply.header("vary"), None);
    }
    server.stop().await;
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let server = Setup::new().set("MAX_BODY_BYTES", "10").start().await;
    let answers = [
        (server.get("/api/sessions").await, StatusCode::OK),
        (Reply::of(server.bare(Method::GET, "/api/sessions")).await, StatusCode::UNAUTHORIZED),
        (server.get("/api/docs/none.js").await, StatusCode::NOT_FOUND),
        (server.post("/api/sessions", json!({ "project_id": "p" })).await, StatusCode::PAYLOAD_TOO_LARGE),
        (server.get("/health").await, StatusCode::OK),
        (server.get("/nothing").await, StatusCode::NOT_FOUND),
        (preflight(&server, PAGE, "/api/sessions").await, StatusCode::FORBIDDEN),
        (server.get("/api/docs").await, StatusCode::OK),
    ];
    for (reply, status) in &answers {
        assert_eq!(reply.status, *status);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{status}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{status}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{status}");
    }
    let (docs, others) = answers.split_last().unwrap();
    assert_eq!(docs.0.header("cache-control"), None, "the documentation may be kept");
    for (reply, status) in others {
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{status}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_documentation_page_loads_only_its_own_files() {
    let server = TestServer::start().await;
    let page = Reply::of(server.bare(Method::GET, "/api/docs").header("Accept", "text/html")).await;
    let policy = page.header("content-security-policy").unwrap().to_owned();
    for rule in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|one| one == rule), "{rule} in {policy}");
    }
    // The policy forbids inline scripts, so the page must have none.
    let text = String::from_utf8(page.body).unwrap();
    for script in text.split("<script").skip(1) {
        assert!(script.trim_start().starts_with("src=\"/api/docs/") && script.contains("></script>"), "{script}");
    }
    assert!(!text.contains("<style") && !text.contains("onload="), "{text}");
    // The content type of every file must be right: with nosniff a script of another type would not run.
    for (file, kind) in [
        ("swagger-ui-bundle.js", "javascript"),
        ("swagger-ui-standalone-preset.js", "javascript"),
        ("swagger-initializer.js", "javascript"),
        ("swagger-ui.css", "text/css"),
        ("index.css", "text/css"),
    ] {
        let reply = Reply::of(server.bare(Method::GET, &format!("/api/docs/{file}"))).await.expect(StatusCode::OK);
        assert!(reply.header("content-type").unwrap().contains(kind), "{file}");
    }
    server.stop().await;
}
