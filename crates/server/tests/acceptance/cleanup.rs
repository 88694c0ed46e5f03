//! 3.4: cleanup and archival.

use rekindle_core::Session;
use std::time::Duration;

use rekindle_core::domain::session::Outcome;
use rekindle_core::store::{Changes, CommitError, Write};
use rekindle_testkit::sample;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::ids;
use crate::support::{Reply, TestServer};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Creates a session that ended this many days ago, which no client can.
async fn ended(server: &TestServer, number: u64, days: u32) -> String {
    let at = server.tracker.now().minus(DAY * days);
    let mut session = sample::session(number);
    session.phase = sample::ended(at, Outcome::Completed);
    session.created_at = at;
    let task = sample::task(1000 + number, &session);
    let id = session.id.to_string();
    let mut changes = Changes::default();
    changes.insert(session);
    changes.insert(task);
    server.tracker.store().commit(changes).await.unwrap();
    id
}

/// Also Test-1.1.f: a session that ended 31 days ago is deleted by the scheduled retention.
#[tokio::test]
async fn test_3_4_a_and_1_1_f_old_sessions_are_deleted() {
    let server = crate::support::Setup::new().set("CLEANUP_CRON", "* * * * * *").start().await;
    let (old, older) = (ended(&server, 1, 31).await, ended(&server, 2, 35).await);
    let young = ended(&server, 3, 29).await;
    let began = std::time::Instant::now();
    while server.get("/api/sessions").await.field("total") != 1 {
        assert!(began.elapsed() < Duration::from_secs(20), "the cleanup never ran");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for gone in [old, older] {
        server.get(&format!("/api/sessions/{gone}")).await.error(StatusCode::NOT_FOUND, "not_found");
    }
    server.get(&format!("/api/sessions/{young}")).await.expect(StatusCode::OK);
    assert_eq!(server.get("/api/tasks").await.field("total"), 1, "their tasks went with them");
    server.stop().await;
}

#[tokio::test]
async fn test_3_4_b_a_session_takes_its_tasks_with_it() {
    let server = TestServer::start().await;
    let (session, other) = (server.session("p", "m").await, server.session("q", "m").await);
    for name in ["one", "two", "three"] {
        server.task(&session, "p", name).await;
    }
    let kept = server.task(&other, "q", "kept").await;
    server.delete(&format!("/api/sessions/{session}")).await.expect(StatusCode::NO_CONTENT);
    let list = server.get("/api/tasks").await;
    assert_eq!(ids(&list, "tasks", "task_id"), [kept]);
    server.stop().await;
}

#[tokio::test]
async fn test_3_4_c_a_session_is_archived() {
    let server = TestServer::start().await;
    let path = format!("/api/sessions/{}", server.session("p", "m").await);
    let reply = server.act(&format!("{path}/archive")).await;
    reply.error(StatusCode::BAD_REQUEST, "invalid_transition");
    server.patch(&path, json!({ "status": "completed" })).await.expect(StatusCode::OK);
    server.act(&format!("{path}/archive")).await.expect(StatusCode::OK);
    let read = server.get(&path).await;
    assert_eq!(read.field("metadata")["archived"], json!(true));
    assert!(read.field("metadata")["archived_at"].is_string());
    assert_eq!(server.get("/api/sessions/archived").await.field("total"), 1);
    assert_eq!(server.get("/api/sessions?archived=false").await.field("total"), 0);
    server.stop().await;
}

#[tokio::test]
async fn test_3_4_d_archived_sessions_stay() {
    let server = TestServer::start().await;
    let (kept, gone) = (ended(&server, 1, 400).await, ended(&server, 2, 400).await);
    server.act(&format!("/api/sessions/{kept}/archive")).await.expect(StatusCode::OK);
    server.act("/api/sessions/cleanup").await.expect(StatusCode::OK);
    server.get(&format!("/api/sessions/{kept}")).await.expect(StatusCode::OK);
    server.get(&format!("/api/sessions/{gone}")).await.error(StatusCode::NOT_FOUND, "not_found");
    server.stop().await;
}

#[tokio::test]
async fn test_3_4_e_a_cleanup_reports_what_it_deleted() {
    let server = TestServer::start().await;
    for n in 1..=5 {
        ended(&server, n, 31).await;
    }
    ended(&server, 6, 3).await;
    let expected = |sessions, days, dry| json!({ "deleted_sessions": sessions, "deleted_tasks": sessions, "older_than_days": days, "dry_run": dry });
    let dry = server.act("/api/sessions/cleanup?dry_run=true").await.expect(StatusCode::OK);
    assert_eq!(dry.json(), expected(5, 30, true));
    let done = server.act("/api/sessions/cleanup").await.expect(StatusCode::OK);
    assert_eq!(done.json(), expected(5, 30, false));
    let path = "/api/sessions/cleanup?older_than_days=2";
    let done = Reply::of(server.request(Method::DELETE, path)).await.expect(StatusCode::OK);
    assert_eq!(done.json(), expected(1, 2, false));
    server.stop().await;
}

/// Test-3.4.f: a deletion that fails deletes nothing.
#[tokio::test]
async fn test_3_4_f_a_failed_deletion_leaves_session_and_tasks() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let task = server.task(&session, "p", "work").await;
    let row = server.tracker.sessions().get(crate::support::session_id(&session)).await.unwrap();
    let mut changes = Changes::default();
    changes.writes.push(Write::delete::<Session>(row.value.id, row.version));
    // The last write of the transaction expects another version of its row.
    changes.writes.push(Write::touch::<Session>(row.value.id, 1));
    let outcome = server.tracker.store().commit(changes).await;
    assert!(matches!(outcome, Err(CommitError::Stale)), "{outcome:?}");
    server.get(&format!("/api/sessions/{session}")).await.expect(StatusCode::OK);
    server.get(&format!("/api/tasks/{task}")).await.expect(StatusCode::OK);
    server.stop().await;
}
