//! Authentication: keys, public endpoints, and that a request without a key gets no information.

mod support;

use reqwest::{Method, StatusCode};
use support::{KEY, Reply, TestServer};

const NOBODYS: &str = "00000000-0000-4000-8000-000000000001";

/// Test-1.3.a, b, c: the key decides, and the message gives the reason for a refusal.
#[tokio::test]
async fn only_a_valid_key_is_accepted() {
    let server = TestServer::start().await;
    let body = serde_json::json!({ "project_id": "p", "machine_id": "m" });
    let create = |key: Option<&'static str>| {
        let request = server.bare(Method::POST, "/api/sessions").json(&body);
        Reply::of(match key {
            Some(key) => request.header("X-API-Key", key),
            None => request,
        })
    };
    let refused = [
        (None, "api_key_required", "API key required"),
        (Some("invalid-key-123"), "api_key_malformed", "Malformed API key"),
        (Some(""), "api_key_malformed", "Malformed API key"),
        (Some(NOBODYS), "api_key_invalid", "Invalid API key"),
    ];
    for (key, code, message) in refused {
        let reply = create(key).await;
        assert!(reply.error(StatusCode::UNAUTHORIZED, code).is_empty());
        assert_eq!(reply.text("message"), message);
        assert_eq!(reply.text("path"), "/api/sessions");
    }
    create(Some(KEY)).await.expect(StatusCode::CREATED);
    server.stop().await;
}

/// Test-1.3.d, and the other public endpoints.
#[tokio::test]
async fn health_readiness_and_docs_are_public() {
    let server = TestServer::start().await;
    for path in ["/health", "/healthz", "/ready", "/readyz", "/api/docs", "/api/docs/openapi.json", "/api/docs/"] {
        for method in [Method::GET, Method::HEAD] {
            let reply = Reply::of(server.bare(method, path)).await.expect(StatusCode::OK);
            assert!(reply.header("x-request-id").is_some(), "{path}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn every_other_request_is_refused_before_anything_is_read() {
    let server = TestServer::start().await;
    let requests = [
        (Method::GET, "/metrics"),
        (Method::GET, "/health/detailed"),
        (Method::POST, "/health"),
        (Method::POST, "/api/docs"),
        (Method::GET, "/api/docsx"),
        (Method::GET, "/api/nothing"),
        (Method::GET, "/"),
        (Method::GET, "/nothing"),
        (Method::PUT, "/api/sessions"),
        (Method::GET, "/api/sessions?limit=0"),
        (Method::GET, "/api/sessions/not-an-id"),
        (Method::GET, "/%61pi/docs"),
        (Method::OPTIONS, "/api/sessions"),
    ];
    for (method, path) in requests {
        Reply::of(server.bare(method, path)).await.error(StatusCode::UNAUTHORIZED, "api_key_required");
    }
    // Also before the body is read.
    let text = server.bare(Method::POST, "/api/sessions").header("Content-Type", "text/plain").body("x");
    Reply::of(text).await.error(StatusCode::UNAUTHORIZED, "api_key_required");
    let large = server.bare(Method::POST, "/api/sessions").header("Content-Type", "application/json");
    let large = large.body(vec![b' '; 64 * 1024]);
    Reply::of(large).await.error(StatusCode::UNAUTHORIZED, "api_key_required");
    server.stop().await;
}

#[tokio::test]
async fn with_a_key_an_unknown_path_is_404() {
    let server = TestServer::start().await;
    for path in ["/nothing", "/", "/api", "/api/", "/api/nothing", "/api/sessions/"] {
        let reply = server.get(path).await;
        reply.error(StatusCode::NOT_FOUND, "not_found");
        assert_eq!(reply.text("path"), path);
    }
    server.stop().await;
}
