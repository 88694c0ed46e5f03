//! 3.1: tasks.

use reqwest::StatusCode;
use serde_json::json;

use crate::ids;
use crate::support::TestServer;

#[tokio::test]
async fn test_3_1_a_a_task_is_created_pending() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let body = json!({ "session_id": session, "project_id": "p", "task_name": "work", "github_issue_id": "#7" });
    let reply = server.post("/api/tasks", body).await.expect(StatusCode::CREATED);
    assert_eq!((reply.text("status"), reply.text("github_issue_id")), ("pending".to_owned(), "#7".to_owned()));
    let location = format!("/api/tasks/{}", reply.text("task_id"));
    assert_eq!(reply.header("location"), Some(location.as_str()));
    server.stop().await;
}

#[tokio::test]
async fn test_3_1_b_a_task_needs_a_session_that_exists() {
    let server = TestServer::start().await;
    for session in ["invalid-uuid", "00000000-0000-4000-8000-000000000000"] {
        let body = json!({ "session_id": session, "project_id": "p", "task_name": "work" });
        let reply = server.post("/api/tasks", body).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["session_id"], "{session}");
    }
    server.stop().await;
}

#[tokio::test]
async fn test_3_1_c_a_started_task_has_a_time() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let task = server.task(&session, "p", "work").await;
    server.set_task(&task, "in_progress").await;
    let read = server.get(&format!("/api/tasks/{task}")).await.expect(StatusCode::OK);
    assert!(read.field("started_at").is_string() && read.field("completed_at").is_null());
    server.stop().await;
}

#[tokio::test]
async fn test_3_1_d_a_completed_task_has_a_time() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let task = server.task(&session, "p", "work").await;
    server.set_task(&task, "in_progress").await;
    server.set_task(&task, "completed").await;
    let read = server.get(&format!("/api/tasks/{task}")).await.expect(StatusCode::OK);
    assert!(read.field("completed_at").is_string());
    server.stop().await;
}

#[tokio::test]
async fn test_3_1_e_a_task_in_progress_is_the_current_task() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let task = server.task(&session, "p", "work").await;
    let path = format!("/api/sessions/{session}");
    server.set_task(&task, "in_progress").await;
    assert_eq!(server.get(&path).await.text("current_task_id"), task);
    server.set_task(&task, "completed").await;
    assert_eq!(server.get(&path).await.field("current_task_id"), json!(null));
    server.stop().await;
}

#[tokio::test]
async fn test_3_1_f_a_list_by_session() {
    let server = TestServer::start().await;
    let (a, b) = (server.session("p", "a").await, server.session("p", "b").await);
    let (one, two) = (server.task(&a, "p", "one").await, server.task(&a, "p", "two").await);
    server.task(&b, "p", "other").await;
    let list = server.get(&format!("/api/tasks?session_id={a}")).await.expect(StatusCode::OK);
    assert_eq!(ids(&list, "tasks", "task_id"), [two, one]);
    server.stop().await;
}

#[tokio::test]
async fn test_3_1_g_a_failed_task_has_an_error_message() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let path = format!("/api/tasks/{}", server.task(&session, "p", "work").await);
    let reply = server.patch(&path, json!({ "status": "failed" })).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["error_message"]);
    let reply = server.patch(&path, json!({ "status": "completed", "error_message": "why?" })).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["error_message"]);
    let reply = server.patch(&path, json!({ "status": "failed", "error_message": "red" })).await;
    assert_eq!(reply.expect(StatusCode::OK).text("error_message"), "red");
    server.stop().await;
}
