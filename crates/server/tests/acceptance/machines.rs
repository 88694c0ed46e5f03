//! 2.3: machines, and their sessions.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::ids;
use crate::support::TestServer;

async fn machine(server: &TestServer) -> String {
    let body = json!({ "hostname": "build-1", "docker_slots": [1, 2, 3] });
    server.post("/api/machines", body).await.expect(StatusCode::CREATED).text("machine_id")
}

async fn active_sessions(server: &TestServer, machine: &str) -> Value {
    server.get(&format!("/api/machines/{machine}")).await.expect(StatusCode::OK).field("active_sessions")
}

#[tokio::test]
async fn test_2_3_a_a_machine_is_registered_online() {
    let server = TestServer::start().await;
    let reply = server.post("/api/machines", json!({ "hostname": "h", "docker_slots": [] })).await;
    let reply = reply.expect(StatusCode::CREATED);
    assert_eq!(reply.text("status"), "online");
    let location = format!("/api/machines/{}", reply.text("machine_id"));
    assert_eq!(reply.header("location"), Some(location.as_str()));
    server.stop().await;
}

#[tokio::test]
async fn test_2_3_b_the_slots_of_a_machine_are_stored() {
    let server = TestServer::start().await;
    let id = machine(&server).await;
    let read = server.get(&format!("/api/machines/{id}")).await.expect(StatusCode::OK);
    assert_eq!(read.field("docker_slots"), json!([1, 2, 3]));
    server.stop().await;
}

#[tokio::test]
async fn test_2_3_c_a_machine_shows_its_sessions() {
    let server = TestServer::start().await;
    let id = machine(&server).await;
    let session = server.session("p", &id).await;
    assert_eq!(active_sessions(&server, &id).await, json!([session]));
    let list = server.get("/api/machines").await;
    assert_eq!(list.field("machines")[0]["active_sessions"], json!([session]));
    server.stop().await;
}

#[tokio::test]
async fn test_2_3_d_a_deleted_session_is_removed_from_its_machine() {
    let server = TestServer::start().await;
    let id = machine(&server).await;
    let session = server.session("p", &id).await;
    server.delete(&format!("/api/sessions/{session}")).await.expect(StatusCode::NO_CONTENT);
    assert_eq!(active_sessions(&server, &id).await, json!([]));
    server.stop().await;
}

#[tokio::test]
async fn test_2_3_e_a_heartbeat_brings_a_machine_online() {
    let server = TestServer::start().await;
    let id = machine(&server).await;
    let path = format!("/api/machines/{id}");
    server.patch(&path, json!({ "status": "offline" })).await.expect(StatusCode::OK);
    server.act(&format!("{path}/heartbeat")).await.expect(StatusCode::OK);
    assert_eq!(server.get(&path).await.text("status"), "online");
    server.stop().await;
}

#[tokio::test]
async fn test_2_3_f_a_list_by_status() {
    let server = TestServer::start().await;
    let (online, offline) = (machine(&server).await, machine(&server).await);
    server.patch(&format!("/api/machines/{offline}"), json!({ "status": "offline" })).await.expect(StatusCode::OK);
    let list = server.get("/api/machines?status=online").await.expect(StatusCode::OK);
    assert_eq!(ids(&list, "machines", "machine_id"), [online]);
    server.stop().await;
}
