//! 3.2: failures, detected and declared.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Setup, TestServer};
use crate::{becomes, silent_session};

#[tokio::test]
async fn test_3_2_a_a_session_is_marked_failed() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let path = format!("/api/sessions/{id}");
    let reply = server.post(&format!("{path}/mark-failed"), json!({})).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["error_message"]);
    let body = json!({ "error_message": "crashed", "metadata": { "exit": 139 } });
    server.post(&format!("{path}/mark-failed"), body).await.expect(StatusCode::OK);
    let read = server.get(&path).await;
    assert_eq!(read.text("status"), "failed");
    assert!(read.field("completed_at").is_string());
    assert_eq!(read.field("metadata"), json!({ "exit": 139, "error_message": "crashed" }));
    server.stop().await;
}

#[tokio::test]
async fn test_3_2_b_a_task_in_progress_fails_with_its_session() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let tasks = [server.task(&session, "p", "one").await, server.task(&session, "p", "two").await];
    for task in &tasks {
        server.set_task(task, "in_progress").await;
    }
    let body = json!({ "error_message": "crashed" });
    server.post(&format!("/api/sessions/{session}/mark-failed"), body).await.expect(StatusCode::OK);
    for task in &tasks {
        let read = server.get(&format!("/api/tasks/{task}")).await;
        assert_eq!(read.text("status"), "failed");
        assert!(read.field("error_message").is_string());
    }
    server.stop().await;
}

#[tokio::test]
async fn test_3_2_c_a_silent_session_becomes_stalled() {
    let server = TestServer::start().await;
    let old = silent_session(&server, 1, Duration::from_secs(300)).await;
    becomes(&server, &old, "stalled").await;
    server.stop().await;
    // Another session falls silent while the server runs.
    let server = Setup::new().set("STALL_THRESHOLD_MS", "300").start().await;
    let id = server.session("p", "m").await;
    becomes(&server, &id, "stalled").await;
    server.stop().await;
}

#[tokio::test]
async fn test_3_2_d_a_stalled_session_has_not_ended() {
    let server = TestServer::start().await;
    let path = format!("/api/sessions/{}", server.session("p", "m").await);
    server.act(&format!("{path}/mark-stalled")).await.expect(StatusCode::OK);
    let read = server.get(&path).await;
    assert_eq!((read.text("status"), read.field("completed_at")), ("stalled".to_owned(), json!(null)));
    server.stop().await;
}

/// Test-3.2.e without its time limit, which the benchmark measures.
#[tokio::test]
async fn test_3_2_e_a_hundred_silent_sessions_in_one_scan() {
    let server = TestServer::start().await;
    for n in 1..=100 {
        silent_session(&server, n, Duration::from_secs(300)).await;
    }
    let reply = server.act("/api/sessions/detect-failures").await.expect(StatusCode::OK);
    assert!(reply.field("duration_ms").is_number() && reply.field("checked_at").is_string());
    let health = server.get("/api/sessions/health").await;
    assert_eq!((health.field("stalled_sessions"), health.field("active_sessions")), (json!(100), json!(0)));
    server.stop().await;
}

#[tokio::test]
async fn test_3_2_f_a_failed_session_leaves_its_machine() {
    let server = TestServer::start().await;
    let body = json!({ "machine_id": "m", "hostname": "h", "docker_slots": [] });
    server.post("/api/machines", body).await.expect(StatusCode::CREATED);
    let session = server.session("p", "m").await;
    let body = json!({ "error_message": "crashed" });
    server.post(&format!("/api/sessions/{session}/mark-failed"), body).await.expect(StatusCode::OK);
    assert_eq!(server.get("/api/machines/m").await.field("active_sessions"), json!([]));
    server.stop().await;
}
