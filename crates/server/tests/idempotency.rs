//! `Idempotency-Key`: a repeated request happens once, and gets the first response again.

mod support;

use rekindle_core::store::{FindTyped, queries};
use std::sync::Arc;
use std::time::Duration;

use rekindle_testkit::{Fault, FaultyStore, ManualClock, MemoryStore};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{KEY, Reply, Setup, TestServer};

async fn once(server: &TestServer, key: &str, path: &str, body: &Value) -> Reply {
    Reply::of(server.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

#[track_caller]
fn assert_replayed(first: &Reply, second: &Reply) {
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    for name in ["etag", "location", "content-type"] {
        assert_eq!(second.header(name), first.header(name), "{name}");
    }
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
}

#[tokio::test]
async fn every_kind_of_post_can_be_repeated_and_happens_once() {
    let server = TestServer::start().await;
    let body = json!({ "project_id": "p", "machine_id": "m" });
    let first = once(&server, "a", "/api/sessions", &body).await.expect(StatusCode::CREATED);
    assert_eq!(first.header("idempotent-replayed"), None);
    // Without the key the second one would be a conflict.
    assert_replayed(&first, &once(&server, "a", "/api/sessions", &body).await);
    let id = first.text("session_id");
    let task = json!({ "session_id": id, "project_id": "p", "task_name": "t" });
    let steps = [
        (format!("/api/sessions/{id}/heartbeat"), json!({ "metadata": { "n": 1 } })),
        (format!("/api/sessions/{id}/heartbeat"), json!({})),
        ("/api/tasks".to_owned(), task),
        ("/api/machines".to_owned(), json!({ "machine_id": "m", "hostname": "h", "docker_slots": [1] })),
        ("/api/machines/m/heartbeat".to_owned(), json!({})),
        (format!("/api/sessions/{id}/mark-stalled"), json!({})),
        (format!("/api/sessions/{id}/prepare-recovery"), json!({})),
        (format!("/api/sessions/{id}/recover"), json!({ "new_machine_id": "m2" })),
        (format!("/api/sessions/{id}/archive"), json!({})),
        ("/api/sessions/detect-failures".to_owned(), json!({})),
        ("/api/sessions/cleanup?older_than_days=30".to_owned(), json!({})),
    ];
    for (n, (path, body)) in steps.iter().enumerate() {
        let key = format!("step-{n}");
        let first = once(&server, &key, path, body).await;
        assert!(first.status.is_success(), "{path}: {first:?}");
        assert_replayed(&first, &once(&server, &key, path, body).await);
    }
    let sessions: Value = server.get("/api/sessions").await.json();
    assert_eq!(sessions["total"], 2, "one and its successor");
    let tasks: Value = server.get("/api/tasks").await.json();
    assert_eq!(tasks["total"], 2, "one and its copy");
    server.stop().await;
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let server = TestServer::start().await;
    let body = json!({ "project_id": "p", "machine_id": "m" });
    once(&server, "a", "/api/sessions", &body).await.expect(StatusCode::CREATED);
    let other = json!({ "project_id": "p", "machine_id": "other" });
    once(&server, "a", "/api/sessions", &other).await.error(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch");
    let machine = json!({ "hostname": "h", "docker_slots": [] });
    let elsewhere = once(&server, "a", "/api/machines", &machine).await;
    elsewhere.error(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch");
    let list: Value = server.get("/api/sessions").await.json();
    assert_eq!(list["total"], 1);
    server.stop().await;
}

#[tokio::test]
async fn two_api_keys_can_use_the_same_idempotency_key() {
    let server = TestServer::start().await;
    let made = server.post("/api/keys", json!({ "name": "w", "role": "worker" })).await.expect(StatusCode::CREATED);
    let body = json!({ "project_id": "p", "machine_id": "m" });
    once(&server, "a", "/api/sessions", &body).await.expect(StatusCode::CREATED);
    let theirs = server.bare(Method::POST, "/api/sessions").header("X-API-Key", made.text("secret"));
    let theirs = theirs.header("Idempotency-Key", "a").json(&json!({ "project_id": "q", "machine_id": "m" }));
    let reply = Reply::of(theirs).await.expect(StatusCode::CREATED);
    assert_eq!(reply.header("idempotent-replayed"), None);
    server.stop().await;
}

#[tokio::test]
async fn concurrent_repetitions_have_one_effect_and_one_response() {
    let server = Arc::new(TestServer::start().await);
    let mut requests = Vec::new();
    for _ in 0..16 {
        let server = Arc::clone(&server);
        let body = json!({ "project_id": "p", "machine_id": "m", "docker_slot": 1 });
        requests.push(tokio::spawn(async move { once(&server, "a", "/api/sessions", &body).await }));
    }
    let mut bodies = Vec::new();
    let mut fresh = 0;
    for reply in requests {
        let reply = reply.await.unwrap().expect(StatusCode::CREATED);
        fresh += usize::from(reply.header("idempotent-replayed").is_none());
        bodies.push(reply.body);
    }
    bodies.dedup();
    assert_eq!((bodies.len(), fresh), (1, 1));
    Arc::into_inner(server).unwrap().stop().await;
}

#[tokio::test]
async fn a_refused_request_can_be_repeated_with_the_same_key() {
    let server = TestServer::start().await;
    let there = server.session("p", "m").await;
    let body = json!({ "project_id": "p", "machine_id": "m" });
    once(&server, "a", "/api/sessions", &body).await.error(StatusCode::CONFLICT, "session_conflict");
    server.patch(&format!("/api/sessions/{there}"), json!({ "status": "completed" })).await.expect(StatusCode::OK);
    once(&server, "a", "/api/sessions", &body).await.expect(StatusCode::CREATED);
    server.stop().await;
}

#[tokio::test]
async fn a_response_is_replayed_for_a_day_by_every_process() {
    let clock = Arc::new(ManualClock::default());
    let store = Arc::new(MemoryStore::new());
    let start = || Setup::new().clock(&clock).set("DETECT_INTERVAL_MS", "600000").store(Arc::clone(&store) as _);
    let (one, other) = (start().start().await, start().start().await);
    let body = json!({ "hostname": "h", "docker_slots": [] });
    let first = once(&one, "a", "/api/machines", &body).await.expect(StatusCode::CREATED);
    clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_replayed(&first, &once(&other, "a", "/api/machines", &body).await);
    clock.advance(Duration::from_secs(1));
    let anew = once(&other, "a", "/api/machines", &body).await.expect(StatusCode::CREATED);
    assert_ne!(anew.text("machine_id"), first.text("machine_id"));
    other.stop().await;
}

#[tokio::test]
async fn an_invalid_key_is_refused_and_a_secret_is_not_stored() {
    let server = TestServer::start().await;
    let body = json!({ "project_id": "p", "machine_id": "m" });
    for bad in ["", "with space", &"x".repeat(256)] {
        let faults = once(&server, bad, "/api/sessions", &body).await;
        let faults = faults.error(StatusCode::BAD_REQUEST, "validation_failed");
        assert_eq!(faults, ["Idempotency-Key"]);
    }
    // The header is ignored on other methods.
    let get = server.bare(Method::GET, "/api/sessions").header("X-API-Key", KEY).header("Idempotency-Key", "a b");
    Reply::of(get).await.expect(StatusCode::OK);
    let new = json!({ "name": "w", "role": "worker" });
    let first = once(&server, "k", "/api/keys", &new).await.expect(StatusCode::CREATED);
    let again: Value = once(&server, "k", "/api/keys", &new).await.expect(StatusCode::CREATED).json();
    assert_eq!((again["key_id"].as_str(), &again["secret"]), (Some(first.text("key_id").as_str()), &Value::Null));
    server.stop().await;
}

#[tokio::test]
async fn a_secret_is_returned_although_the_response_of_the_store_was_lost() {
    let store = Arc::new(FaultyStore::over(Arc::new(MemoryStore::new())));
    let server = Setup::new().set("DETECT_INTERVAL_MS", "600000").store(Arc::clone(&store) as _).start().await;
    // Waits until the first detection pass has stored its state.
    while server.tracker.store().read(queries::detector_state()).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.script([Some(Fault::LostAfter)]);
    let new = json!({ "name": "w", "role": "worker" });
    let first = once(&server, "k", "/api/keys", &new).await.expect(StatusCode::CREATED);
    assert_eq!(first.header("idempotent-replayed"), None);
    let secret = first.text("secret");
    let listed = server.bare(Method::GET, "/api/sessions").header("X-API-Key", secret);
    Reply::of(listed).await.expect(StatusCode::OK);
    let again: Value = once(&server, "k", "/api/keys", &new).await.expect(StatusCode::CREATED).json();
    assert_eq!((&again["key_id"], &again["secret"]), (&first.field("key_id"), &Value::Null));
    server.stop().await;
}
