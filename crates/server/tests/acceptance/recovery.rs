//! 3.3: recovery.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::ids;
use crate::support::{Reply, TestServer};

async fn failed(server: &TestServer, session: &str) {
    let body = json!({ "error_message": "crashed" });
    server.post(&format!("/api/sessions/{session}/mark-failed"), body).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn test_3_3_a_the_recovery_state_has_completed_and_unfinished_tasks() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let mut tasks = Vec::new();
    for status in ["completed", "completed", "failed", "pending", "in_progress", "blocked"] {
        let task = server.task(&session, "p", status).await;
        if status != "pending" {
            server.set_task(&task, status).await;
        }
        tasks.push(task);
    }
    let state = server.get(&format!("/api/sessions/{session}/recovery-state")).await.expect(StatusCode::OK);
    assert_eq!(state.field("last_successful_task")["task_id"], json!(tasks[1]));
    for (field, task) in [("failed_tasks", 2), ("pending_tasks", 3), ("in_progress_tasks", 4), ("blocked_tasks", 5)] {
        assert_eq!(ids(&state, field, "task_id"), [tasks[task].clone()], "{field}");
    }
    for field in ["session_id", "project_id", "last_heartbeat", "metadata", "recovered_into"] {
        assert!(state.json().get(field).is_some(), "{field}");
    }
    server.stop().await;
}

#[tokio::test]
async fn test_3_3_b_a_prepared_recovery_is_recorded() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    failed(&server, &session).await;
    server.act(&format!("/api/sessions/{session}/prepare-recovery")).await.expect(StatusCode::OK);
    let read = server.get(&format!("/api/sessions/{session}")).await;
    assert!(read.field("metadata")["recovery"]["prepared_at"].is_string());
    server.stop().await;
}

#[tokio::test]
async fn test_3_3_c_a_recovery_makes_a_new_session() {
    let server = TestServer::start().await;
    let body = json!({ "project_id": "p", "machine_id": "m", "metadata": { "branch": "main" } });
    let session = server.post("/api/sessions", body).await.text("session_id");
    failed(&server, &session).await;
    let path = format!("/api/sessions/{session}/recover");
    let made = server.post(&path, json!({ "new_machine_id": "m2" })).await.expect(StatusCode::CREATED);
    let new = made.text("session_id");
    assert_ne!(new, session);
    assert_eq!(made.header("location"), Some(format!("/api/sessions/{new}").as_str()));
    let made = made.json();
    assert_eq!((&made["status"], &made["machine_id"], &made["attempt"]), (&json!("active"), &json!("m2"), &json!(2)));
    assert_eq!((&made["recovered_from"], &made["metadata"]), (&json!(session), &json!({ "branch": "main" })));
    let again = server.post(&path, json!({ "new_machine_id": "m3" })).await.expect(StatusCode::OK);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.text("session_id"), new);
    server.stop().await;
}

#[tokio::test]
async fn test_3_3_d_the_original_ends_and_names_its_successor() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    failed(&server, &session).await;
    let path = format!("/api/sessions/{session}");
    let new = server.post(&format!("{path}/recover"), json!({ "new_machine_id": "m" })).await.text("session_id");
    let read = server.get(&path).await;
    assert_eq!((read.text("status"), read.text("recovered_into")), ("completed".to_owned(), new.clone()));
    assert_eq!(read.field("metadata")["recovery"]["recovered_into"], json!(new));
    let late = server.act(&format!("{path}/heartbeat")).await;
    assert_eq!(late.error(StatusCode::CONFLICT, "session_ended"), ["successor_session_id"]);
    assert_eq!(late.detail("successor_session_id"), new);
    server.stop().await;
}

#[tokio::test]
async fn test_3_3_e_failed_tasks_are_carried_over() {
    for (reset, expected) in [(Value::Null, 2), (json!(true), 2), (json!(false), 0)] {
        let server = TestServer::start().await;
        let session = server.session("p", "m").await;
        let mut tasks = Vec::new();
        for name in ["one", "two"] {
            let task = server.task(&session, "p", name).await;
            server.set_task(&task, "failed").await;
            tasks.push(task);
        }
        failed(&server, &session).await;
        let mut body = json!({ "new_machine_id": "m" });
        if !reset.is_null() {
            body["reset_failed_tasks"] = reset.clone();
        }
        let path = format!("/api/sessions/{session}/recover");
        let new = server.post(&path, body).await.expect(StatusCode::CREATED).text("session_id");
        let list = server.get(&format!("/api/tasks?session_id={new}&status=pending")).await;
        assert_eq!(list.field("total"), expected, "reset_failed_tasks: {reset}");
        if expected == 2 {
            assert_eq!(ids(&list, "tasks", "copied_from"), [tasks[1].clone(), tasks[0].clone()]);
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn test_3_3_f_an_active_session_is_not_recovered() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let reply = server.act(&format!("/api/sessions/{session}/prepare-recovery")).await;
    reply.error(StatusCode::BAD_REQUEST, "invalid_transition");
    let message = reply.text("message");
    assert!(message.contains("active") && message.contains("failed or stalled"), "{message}");
    server.stop().await;
}

#[tokio::test]
async fn twenty_recovers_at_once_make_one_successor() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    failed(&server, &session).await;
    let mut requests = Vec::new();
    for n in 0..20 {
        let request = server.request(Method::POST, &format!("/api/sessions/{session}/recover"));
        let request = request.json(&json!({ "new_machine_id": format!("m{n}") }));
        requests.push(tokio::spawn(Reply::of(request)));
    }
    let (mut made, mut replayed) = (Vec::new(), Vec::new());
    for request in requests {
        let reply = request.await.unwrap();
        let of = if reply.status == StatusCode::CREATED { &mut made } else { &mut replayed };
        of.push(reply.text("session_id"));
    }
    assert_eq!((made.len(), replayed.len()), (1, 19));
    assert!(replayed.iter().all(|id| *id == made[0]));
    assert_eq!(server.get(&format!("/api/sessions?lineage_id={session}")).await.field("total"), 2);
    server.stop().await;
}
