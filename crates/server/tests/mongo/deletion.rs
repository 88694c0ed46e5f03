//! Which sessions are deleted, by the database's TTL indexes and by a deletion that fails halfway.

use std::path::PathBuf;
use std::time::Duration;

use bson::{DateTime, doc};
use rekindle_mongod::{Nodes, Options};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::database::Database;
use crate::server::{Api, Server, until};

const DAY: Duration = Duration::from_hours(24);

/// Creates a session with three tasks and returns its id.
async fn session(api: &Api, machine: &str) -> String {
    let body = json!({ "project_id": "p", "machine_id": machine });
    let session = api.post("/api/sessions", &body).await.unwrap().expect(StatusCode::CREATED);
    let id = session["session_id"].as_str().unwrap().to_owned();
    for number in 0..3 {
        let body = json!({ "session_id": id, "project_id": "p", "task_name": format!("task {number}") });
        api.post("/api/tasks", &body).await.unwrap().expect(StatusCode::CREATED);
    }
    id
}

async fn complete(api: &Api, id: &str) {
    let body = json!({ "status": "completed" });
    api.ask(Method::PATCH, &format!("/api/sessions/{id}"), Some(&body)).await.unwrap().expect(StatusCode::OK);
}

async fn tasks(api: &Api, id: &str) -> Value {
    api.get(&format!("/api/tasks?session_id={id}")).await.unwrap().expect(StatusCode::OK)["total"].clone()
}

/// The tests of the store check that the database alone does the same.
pub(crate) async fn test_1_1_f_sessions_that_ended_31_days_ago_are_deleted_unless_archived(binary: PathBuf) {
    let nodes = Nodes::start(Options { fast_ttl: true, ..Options::at(binary) }).unwrap();
    let database = Database::at(&nodes.uri());
    // The server's own retention never runs here, so only the TTL indexes delete.
    let settings = [("RETENTION_DAYS", "30"), ("CLEANUP_CRON", "0 0 1 1 *")];
    let server = Server::start(&nodes.uri(), &database.name, &settings).await;
    let api = &server.api;
    server.ready().await;
    let (old, kept, young) = (session(api, "old").await, session(api, "kept").await, session(api, "young").await);
    let live = session(api, "live").await;
    for id in [&old, &kept, &young] {
        complete(api, id).await;
    }
    let archive = format!("/api/sessions/{kept}/archive");
    api.post(&archive, &json!({})).await.unwrap().expect(StatusCode::OK);
    // No client can end a session in the past.
    let back = |days: u32| {
        DateTime::from_millis(DateTime::now().timestamp_millis() - i64::try_from((DAY * days).as_millis()).unwrap())
    };
    for (id, days) in [(&old, 32), (&kept, 32), (&young, 29)] {
        let ended = back(days);
        let aged = doc! { "q": { "session_id": id }, "u": { "$set": { "completed_at": ended } } };
        database.command(&database.name, doc! { "update": "sessions", "updates": [aged] }).await;
        let filter = doc! { "session_id": id, "session_ended_at": { "$exists": true } };
        let aged = doc! { "q": filter, "u": { "$set": { "session_ended_at": ended } }, "multi": true };
        database.command(&database.name, doc! { "update": "tasks", "updates": [aged] }).await;
    }
    let (api, id) = (&server.api, old.as_str());
    until("the old session has gone, with its tasks", || async move {
        let gone = api.get(&format!("/api/sessions/{id}")).await?.status == StatusCode::NOT_FOUND;
        (gone && tasks(api, id).await == 0).then_some(())
    })
    .await;
    for id in [&kept, &young, &live] {
        api.get(&format!("/api/sessions/{id}")).await.unwrap().expect(StatusCode::OK);
        assert_eq!(tasks(api, id).await, 3);
    }
}

pub(crate) async fn test_3_4_f_a_deletion_that_fails_halfway_leaves_session_and_tasks(binary: PathBuf) {
    let nodes = Nodes::start(Options { failpoints: true, ..Options::at(binary) }).unwrap();
    let database = Database::at(&nodes.uri());
    let server = Server::start(&nodes.uri(), &database.name, &[]).await;
    let api = &server.api;
    server.ready().await;
    let id = session(api, "m").await;
    complete(api, &id).await;
    let before = api.get(&format!("/api/sessions/{id}")).await.unwrap().expect(StatusCode::OK);
    // The first statement of the deletion succeeds and a later one fails, as on a full disk.
    for skipped in [0, 1, 2] {
        // Each round has a server of its own, since five failures open the circuit.
        let other = Server::start(&nodes.uri(), &database.name, &[]).await;
        other.ready().await;
        let data = doc! { "failCommands": ["delete", "commitTransaction"], "errorCode": 14031, "appName": "rekindle" };
        let point = doc! { "configureFailPoint": "failCommand", "mode": { "skip": skipped }, "data": data };
        nodes.command(0, point).unwrap();
        for path in [format!("/api/sessions/{id}"), "/api/sessions/cleanup?older_than_days=0".to_owned()] {
            let answer = other.api.ask(Method::DELETE, &path, None).await.unwrap();
            assert!(answer.status.is_server_error(), "with {skipped} skipped: {answer:?}");
            assert_eq!(api.get(&format!("/api/sessions/{id}")).await.unwrap().expect(StatusCode::OK), before);
            assert_eq!(tasks(api, &id).await, 3);
        }
    }
    nodes.command(0, doc! { "configureFailPoint": "failCommand", "mode": "off" }).unwrap();
    let gone = api.ask(Method::DELETE, &format!("/api/sessions/{id}"), None).await.unwrap();
    gone.expect(StatusCode::NO_CONTENT);
    api.get(&format!("/api/sessions/{id}")).await.unwrap().expect(StatusCode::NOT_FOUND);
    assert_eq!(tasks(api, &id).await, 0);
}
