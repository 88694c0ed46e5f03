//! API keys that are created at runtime, and the role that each endpoint demands: every line of the table of routes
//! with every role.
#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use rekindle_testkit::ManualClock;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Reply, Setup, TestServer};

const ROLES: [&str; 4] = ["reader", "worker", "operator", "admin"];

async fn key(server: &TestServer, body: Value) -> (String, String) {
    let made = server.post("/api/keys", body).await.expect(StatusCode::CREATED);
    (made.text("key_id"), made.text("secret"))
}

async fn ask(server: &TestServer, secret: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
    let request = server.bare(method, path).header("X-API-Key", secret);
    Reply::of(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

/// Returns what the OpenAPI document says that an operation needs: the text after "the role".
fn needed(operation: &Value) -> Option<(String, bool)> {
    let words = operation["responses"]["403"]["description"].as_str()?;
    let (_, role) = words.split_once("the role ").unwrap();
    Some((role.split(' ').next().unwrap().to_owned(), words.contains("bound to no project")))
}

#[tokio::test]
async fn every_endpoint_lets_its_roles_through_and_no_other() {
    let server = TestServer::start().await;
    let document = Reply::of(server.bare(Method::GET, "/api/docs/openapi.json")).await;
    let document: Value = document.json();
    let mut keys = Vec::new();
    for role in ROLES {
        keys.push((role, key(&server, json!({ "name": role, "role": role })).await.1));
    }
    let bound = key(&server, json!({ "name": "bound", "role": "operator", "project_id": "p" })).await.1;
    let mut requests = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some((least, all)) = needed(operation) else { continue };
            let least = ROLES.iter().position(|role| *role == least).unwrap();
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "00000000-0000-4000-8000-000000000001");
            for (rank, (role, secret)) in keys.iter().enumerate() {
                let reply = ask(&server, secret, method.clone(), &path, None).await;
                let refused = reply.status == StatusCode::FORBIDDEN;
                assert_eq!(refused, rank < least, "{role}: {method} {path} is {}", reply.status);
                if refused {
                    assert_eq!(reply.error(StatusCode::FORBIDDEN, "forbidden"), ["role"]);
                    assert_eq!(reply.detail("role"), ROLES[least]);
                    assert!(reply.text("message").contains(ROLES[least]), "{}", reply.text("message"));
                }
                requests += 1;
            }
            let reply = ask(&server, &bound, method.clone(), &path, None).await;
            let refused = reply.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, all || least > 2, "bound: {method} {path} is {}", reply.status);
        }
    }
    assert!(requests >= 4 * 30, "only {requests} were asked");
    server.stop().await;
}

#[tokio::test]
async fn public_endpoints_need_no_role() {
    let server = TestServer::start().await;
    let reader = key(&server, json!({ "name": "r", "role": "reader" })).await.1;
    for path in ["/health", "/ready", "/api/docs", "/api/docs/openapi.json"] {
        ask(&server, &reader, Method::GET, path, None).await.expect(StatusCode::OK);
    }
    let reply = ask(&server, &reader, Method::GET, "/api/nothing", None).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    server.stop().await;
}

#[tokio::test]
async fn a_key_of_one_project_reads_and_changes_nothing_else() {
    let server = TestServer::start().await;
    let (mine, theirs) = (server.session("mine", "m1").await, server.session("theirs", "m2").await);
    let task = server.task(&theirs, "theirs", "t").await;
    let secret = key(&server, json!({ "name": "w", "role": "worker", "project_id": "mine" })).await.1;
    let get = |path: String| {
        let (server, secret) = (&server, &secret);
        async move { ask(server, secret, Method::GET, &path, None).await }
    };
    get(format!("/api/sessions/{mine}")).await.expect(StatusCode::OK);
    get(format!("/api/sessions/{theirs}")).await.error(StatusCode::NOT_FOUND, "not_found");
    get(format!("/api/sessions/{theirs}/health")).await.error(StatusCode::NOT_FOUND, "not_found");
    get(format!("/api/sessions/{theirs}/recovery-state")).await.error(StatusCode::NOT_FOUND, "not_found");
    get(format!("/api/tasks/{task}")).await.error(StatusCode::NOT_FOUND, "not_found");
    let list: Value = get("/api/sessions".to_owned()).await.json();
    assert_eq!((list["total"].as_u64(), &list["sessions"][0]["session_id"]), (Some(1), &json!(mine)));
    let tasks: Value = get("/api/tasks".to_owned()).await.json();
    assert_eq!(tasks["total"], 0);
    get("/api/sessions?project_id=theirs".to_owned()).await.error(StatusCode::FORBIDDEN, "forbidden");

    let post = |path: String, body: Value| {
        let (server, secret) = (&server, &secret);
        async move { ask(server, secret, Method::POST, &path, Some(body)).await }
    };
    let beat = post(format!("/api/sessions/{theirs}/heartbeat"), json!({})).await;
    beat.error(StatusCode::NOT_FOUND, "not_found");
    post(format!("/api/sessions/{mine}/heartbeat"), json!({})).await.expect(StatusCode::OK);
    let failed = post(format!("/api/sessions/{theirs}/mark-failed"), json!({ "error_message": "x" })).await;
    failed.error(StatusCode::NOT_FOUND, "not_found");
    let other = post("/api/sessions".to_owned(), json!({ "project_id": "theirs", "machine_id": "m3" })).await;
    assert!(other.text("message").contains("mine"), "{}", other.text("message"));
    other.error(StatusCode::FORBIDDEN, "forbidden");
    post("/api/sessions".to_owned(), json!({ "project_id": "mine", "machine_id": "m3" }))
        .await
        .expect(StatusCode::CREATED);
    let foreign = json!({ "session_id": theirs, "project_id": "mine", "task_name": "t" });
    post("/api/tasks".to_owned(), foreign).await.error(StatusCode::BAD_REQUEST, "validation_failed");
    assert_eq!(server.status(&theirs).await, "active");

    let slot = |project: &str| json!({ "project_id": project, "machine_id": "m9", "docker_slot": 4 });
    let holder = server.post("/api/sessions", slot("theirs")).await.expect(StatusCode::CREATED).text("session_id");
    let taken = post("/api/sessions".to_owned(), slot("mine")).await;
    assert!(taken.error(StatusCode::CONFLICT, "slot_conflict").is_empty());
    assert!(!taken.text("message").contains(&holder), "{}", taken.text("message"));
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_key_is_rejected_and_a_rotated_one_works_until_it_expires() {
    let clock = Arc::new(ManualClock::default());
    let server = Setup::new().clock(&clock).set("DETECT_INTERVAL_MS", "600000").start().await;
    let (id, old) = key(&server, json!({ "name": "ci", "role": "worker", "expires_in_days": 90 })).await;
    let body = json!({ "overlap_seconds": 60 });
    let rotated = server.post(&format!("/api/keys/{id}/rotate"), body.clone()).await.expect(StatusCode::CREATED);
    let (new_id, new) = (rotated.text("key_id"), rotated.text("secret"));
    for secret in [&old, &new] {
        ask(&server, secret, Method::GET, "/api/sessions", None).await.expect(StatusCode::OK);
    }
    server.post(&format!("/api/keys/{id}/rotate"), body).await.error(StatusCode::CONFLICT, "key_conflict");
    clock.advance(Duration::from_secs(60));
    ask(&server, &old, Method::GET, "/api/sessions", None).await.error(StatusCode::UNAUTHORIZED, "api_key_invalid");
    ask(&server, &new, Method::GET, "/api/sessions", None).await.expect(StatusCode::OK);
    server.act(&format!("/api/keys/{new_id}/revoke")).await.expect(StatusCode::OK);
    ask(&server, &new, Method::GET, "/api/sessions", None).await.error(StatusCode::UNAUTHORIZED, "api_key_invalid");
    server.act(&format!("/api/keys/{new_id}/revoke")).await.expect(StatusCode::OK);

    let list: Value = server.get("/api/keys").await.expect(StatusCode::OK).json();
    let shown = list["keys"].as_array().unwrap();
    let states: Vec<_> = shown.iter().map(|key| key["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["revoked", "expired"]);
    assert_eq!(shown[1]["replaced_by"], json!(new_id));
    assert!(!list.to_string().contains("secret"), "{list}");
    server.stop().await;
}

#[tokio::test]
async fn an_invalid_key_is_rejected_with_every_invalid_field() {
    let server = TestServer::start().await;
    let body = json!({ "name": " ", "role": "king", "project_id": 7, "expires_in_days": 0 });
    let faults = server.post("/api/keys", body).await.error(StatusCode::BAD_REQUEST, "validation_failed");
    assert_eq!(faults, ["name", "role", "project_id", "expires_in_days"]);
    let bound = json!({ "name": "a", "role": "admin", "project_id": "p" });
    server.post("/api/keys", bound).await.error(StatusCode::BAD_REQUEST, "validation_failed");
    let nowhere = "/api/keys/00000000-0000-4000-8000-000000000001/revoke";
    server.act(nowhere).await.error(StatusCode::NOT_FOUND, "not_found");
    server.stop().await;
}
