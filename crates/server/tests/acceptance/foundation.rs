//! 1.1 to 1.3: the schema, the application as a whole, and API keys.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{KEY, Reply, TestServer};

const UNKNOWN_KEY: &str = "00000000-0000-4000-8000-000000000000";

/// Test-1.1.a and Test-1.1.b.
#[tokio::test]
async fn test_1_1_a_and_b_required_fields() {
    let server = TestServer::start().await;
    let reply = server.post("/api/sessions", json!({})).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["project_id", "machine_id"]);
    let reply = server.post("/api/tasks", json!({})).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["session_id", "project_id", "task_name"]);
    let session = server.session("p", "m").await;
    let task = server.task(&session, "p", "work").await;
    let reply = server.patch(&format!("/api/tasks/{task}"), json!({ "status": "done" })).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["status"]);
    server.stop().await;
}

#[tokio::test]
async fn test_1_1_c_docker_slots_are_an_array() {
    let server = TestServer::start().await;
    let reply = server.post("/api/machines", json!({})).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["hostname", "docker_slots"]);
    for bad in [json!(3), json!("1,2"), json!({ "0": 1 }), json!([1, "2"]), json!([1.5]), json!([1, 1])] {
        let reply = server.post("/api/machines", json!({ "hostname": "h", "docker_slots": bad })).await;
        let fields = reply.error(StatusCode::BAD_REQUEST, "validation_failed");
        assert!(!fields.is_empty() && fields.iter().all(|field| field.starts_with("docker_slots")), "{bad}");
    }
    server.stop().await;
}

#[tokio::test]
async fn test_1_1_d_an_invalid_status_is_a_validation_error() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    for bad in [json!("sleeping"), json!("Active"), json!(1), json!(null)] {
        let reply = server.patch(&format!("/api/sessions/{session}"), json!({ "status": bad })).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["status"], "{bad}");
    }
    assert_eq!(server.status(&session).await, "active");
    server.stop().await;
}

#[tokio::test]
async fn test_1_2_b_every_part_of_the_application_answers() {
    let server = TestServer::start().await;
    for path in ["/api/sessions", "/api/tasks", "/api/machines", "/health", "/ready"] {
        server.get(path).await.expect(StatusCode::OK);
    }
    server.stop().await;
}

#[tokio::test]
async fn test_1_2_f_the_documentation_is_an_openapi_document() {
    let server = TestServer::start().await;
    let reply = Reply::of(server.bare(Method::GET, "/api/docs")).await.expect(StatusCode::OK);
    assert!(reply.text("openapi").starts_with("3.1"));
    assert!(reply.field("paths")["/api/sessions"]["post"].is_object());
    server.stop().await;
}

#[tokio::test]
async fn test_1_3_a_a_valid_key_is_accepted() {
    let server = TestServer::start().await;
    let request = server.bare(Method::POST, "/api/sessions").header("X-API-Key", KEY);
    Reply::of(request.json(&json!({ "project_id": "p", "machine_id": "m" }))).await.expect(StatusCode::CREATED);
    server.stop().await;
}

#[tokio::test]
async fn test_1_3_b_no_key_is_refused() {
    let server = TestServer::start().await;
    let request = server.bare(Method::POST, "/api/sessions").json(&json!({ "project_id": "p", "machine_id": "m" }));
    let reply = Reply::of(request).await;
    reply.error(StatusCode::UNAUTHORIZED, "api_key_required");
    assert_eq!(reply.text("message"), "API key required");
    server.stop().await;
}

#[tokio::test]
async fn test_1_3_c_a_wrong_key_is_refused() {
    let server = TestServer::start().await;
    for (key, code, message) in [
        ("invalid-key-123", "api_key_malformed", "Malformed API key"),
        (UNKNOWN_KEY, "api_key_invalid", "Invalid API key"),
    ] {
        let reply = Reply::of(server.bare(Method::POST, "/api/sessions").header("X-API-Key", key)).await;
        reply.error(StatusCode::UNAUTHORIZED, code);
        assert_eq!(reply.text("message"), message);
    }
    assert_eq!(server.get("/api/sessions").await.field("total"), 0);
    server.stop().await;
}

#[tokio::test]
async fn test_1_3_d_health_needs_no_key() {
    let server = TestServer::start().await;
    let reply = Reply::of(server.bare(Method::GET, "/health")).await.expect(StatusCode::OK);
    assert_eq!(reply.text("status"), "ok");
    server.stop().await;
}
