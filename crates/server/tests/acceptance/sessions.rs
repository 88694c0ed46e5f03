//! 2.1: sessions are created, read, listed, changed and deleted.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::TestServer;
use crate::{ids, time};

#[tokio::test]
async fn test_2_1_a_a_session_is_created_with_an_id() {
    let server = TestServer::start().await;
    let body = json!({ "project_id": "p", "machine_id": "m", "docker_slot": 3, "metadata": { "v": 1 } });
    let reply = server.post("/api/sessions", body).await.expect(StatusCode::CREATED);
    let id = reply.text("session_id");
    assert_eq!(reply.header("location"), Some(format!("/api/sessions/{id}").as_str()));
    assert_eq!(reply.header("etag"), Some("\"1\""));
    let session = reply.json();
    assert_eq!(session["status"], "active");
    assert_eq!((&session["docker_slot"], &session["metadata"]), (&json!(3), &json!({ "v": 1 })));
    assert_eq!((&session["lineage_id"], &session["attempt"]), (&json!(id), &json!(1)));
    let fields: Vec<_> = session.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "session_id",
        "project_id",
        "machine_id",
        "docker_slot",
        "status",
        "last_heartbeat",
        "current_task_id",
        "started_at",
        "completed_at",
        "metadata",
        "created_at",
        "updated_at",
        "revision",
        "lineage_id",
        "attempt",
        "recovered_from",
        "recovered_into",
    ];
    assert!(expected.iter().all(|field| fields.contains(field)) && fields.len() == expected.len(), "{fields:?}");
    server.stop().await;
}

#[tokio::test]
async fn test_2_1_b_a_missing_project_is_reported() {
    let server = TestServer::start().await;
    let reply = server.post("/api/sessions", json!({ "machine_id": "m" })).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["project_id"]);
    server.stop().await;
}

#[tokio::test]
async fn test_2_1_c_a_session_reads_as_it_was_created() {
    let server = TestServer::start().await;
    let body = json!({ "project_id": "p", "machine_id": "m", "metadata": { "deep": { "list": [1, null, "ü"] } } });
    let made = server.post("/api/sessions", body).await.expect(StatusCode::CREATED);
    let read = server.get(&format!("/api/sessions/{}", made.text("session_id"))).await.expect(StatusCode::OK);
    assert_eq!(read.json(), made.json());
    server.stop().await;
}

#[tokio::test]
async fn test_2_1_d_an_unknown_id_is_not_found() {
    let server = TestServer::start().await;
    for id in ["invalid-uuid-123", "00000000-0000-4000-8000-000000000000"] {
        let reply = server.get(&format!("/api/sessions/{id}")).await;
        reply.error(StatusCode::NOT_FOUND, "not_found");
    }
    server.stop().await;
}

#[tokio::test]
async fn test_2_1_e_a_list_by_status() {
    let server = TestServer::start().await;
    let mut made = Vec::new();
    for project in ["a", "b", "c"] {
        made.push(server.session(project, "m").await);
    }
    server.patch(&format!("/api/sessions/{}", made[1]), json!({ "status": "completed" })).await.expect(StatusCode::OK);
    let list = server.get("/api/sessions?status=active").await.expect(StatusCode::OK);
    assert_eq!(ids(&list, "sessions", "session_id"), [made[2].clone(), made[0].clone()]);
    assert_eq!(list.field("total"), 2);
    server.stop().await;
}

#[tokio::test]
async fn test_2_1_f_a_status_is_changed() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let path = format!("/api/sessions/{id}");
    let before = server.get(&path).await;
    server.patch(&path, json!({ "status": "completed" })).await.expect(StatusCode::OK);
    let after = server.get(&path).await.expect(StatusCode::OK);
    assert_eq!(after.text("status"), "completed");
    assert!(time(&after, "updated_at") > time(&before, "updated_at"));
    assert_eq!(after.field("revision"), 2);
    server.stop().await;
}

#[tokio::test]
async fn test_2_1_g_a_deleted_session_is_gone() {
    let server = TestServer::start().await;
    let path = format!("/api/sessions/{}", server.session("p", "m").await);
    let reply = server.delete(&path).await.expect(StatusCode::NO_CONTENT);
    assert!(reply.body.is_empty());
    server.get(&path).await.error(StatusCode::NOT_FOUND, "not_found");
    server.delete(&path).await.error(StatusCode::NOT_FOUND, "not_found");
    server.stop().await;
}

#[tokio::test]
async fn fifty_creates_at_once_make_one_session() {
    let server = TestServer::start().await;
    let mut requests = Vec::new();
    for _ in 0..50 {
        let request = server.request(reqwest::Method::POST, "/api/sessions");
        let request = request.json(&json!({ "project_id": "p", "machine_id": "m" }));
        requests.push(tokio::spawn(crate::support::Reply::of(request)));
    }
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    for request in requests {
        let reply = request.await.unwrap();
        match reply.status {
            StatusCode::CREATED => made.push(reply.text("session_id")),
            _ => refused.push(reply),
        }
    }
    assert_eq!((made.len(), refused.len()), (1, 49));
    for reply in refused {
        assert_eq!(reply.error(StatusCode::CONFLICT, "session_conflict"), ["existing_session_id"]);
        assert_eq!(reply.detail("existing_session_id"), made[0]);
    }
    server.stop().await;
}
