//! 2.2: heartbeats.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Reply, TestServer};
use crate::time;

fn beat(id: &str) -> String {
    format!("/api/sessions/{id}/heartbeat")
}

#[tokio::test]
async fn test_2_2_a_a_heartbeat_is_recorded_at_once() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let reply = server.act(&beat(&id)).await.expect(StatusCode::OK);
    assert_eq!(reply.field("next_heartbeat_ms"), 60_000);
    let read = server.get(&format!("/api/sessions/{id}")).await;
    let age = server.tracker.now().since(time(&read, "last_heartbeat"));
    assert!(age.as_secs() < 1, "{age:?}");
    assert_eq!(read.field("revision"), 1, "a heartbeat alone is no change");
    server.stop().await;
}

#[tokio::test]
async fn test_2_2_b_a_heartbeat_sets_the_current_task() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let body = json!({ "current_task_id": "task-123", "metadata": { "a": 1 } });
    server.post(&beat(&id), body).await.expect(StatusCode::OK);
    let read = server.get(&format!("/api/sessions/{id}")).await;
    assert_eq!((read.text("current_task_id"), read.field("metadata")), ("task-123".to_owned(), json!({ "a": 1 })));
    server.post(&beat(&id), json!({ "current_task_id": null })).await.expect(StatusCode::OK);
    let read = server.get(&format!("/api/sessions/{id}")).await;
    assert_eq!(read.field("current_task_id"), json!(null));
    server.stop().await;
}

#[tokio::test]
async fn test_2_2_c_a_heartbeat_revives_a_stalled_session() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    server.patch(&format!("/api/sessions/{id}"), json!({ "status": "stalled" })).await.expect(StatusCode::OK);
    server.act(&beat(&id)).await.expect(StatusCode::OK);
    assert_eq!(server.status(&id).await, "active");
    server.stop().await;
}

/// Test-2.2.d without its time limit, which the benchmark measures.
#[tokio::test]
async fn test_2_2_d_a_hundred_heartbeats_at_once() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let requests: Vec<_> =
        (0..100).map(|_| tokio::spawn(Reply::of(server.request(Method::POST, &beat(&id))))).collect();
    for request in requests {
        request.await.unwrap().expect(StatusCode::OK);
    }
    server.stop().await;
}

#[tokio::test]
async fn test_2_2_e_a_heartbeat_of_an_unknown_session_is_not_found() {
    let server = TestServer::start().await;
    for id in ["invalid-uuid", "00000000-0000-4000-8000-000000000000"] {
        server.act(&beat(id)).await.error(StatusCode::NOT_FOUND, "not_found");
    }
    server.stop().await;
}

#[tokio::test]
async fn test_2_2_f_two_heartbeats_within_a_second() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    for _ in 0..2 {
        server.act(&beat(&id)).await.expect(StatusCode::OK);
    }
    server.stop().await;
}
