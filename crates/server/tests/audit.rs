//! The audit trail: who did what, from where, and who was refused.
#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

mod support;

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Reply, TestServer};

const PATIENCE: Duration = Duration::from_secs(20);

async fn trail(server: &TestServer, query: &str) -> Vec<Value> {
    let answer: Value = server.get(&format!("/api/audit?{query}")).await.expect(StatusCode::OK).json();
    answer["events"].as_array().unwrap().clone()
}

/// Waits until there are this many refusals. They are stored beside the requests, not before the response.
async fn refusals(server: &TestServer, count: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let found = trail(server, "kind=access.refused").await;
        if found.len() >= count {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "only {} refusals after {PATIENCE:?}", found.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn every_write_is_recorded_with_its_key_time_and_address() {
    let server = TestServer::start().await;
    let made = server.post("/api/keys", json!({ "name": "ci", "role": "worker" })).await.expect(StatusCode::CREATED);
    let (key, secret) = (made.text("key_id"), made.text("secret"));
    let create = server.bare(Method::POST, "/api/sessions").header("X-API-Key", &secret);
    let created = Reply::of(create.json(&json!({ "project_id": "p", "machine_id": "m" }))).await;
    let created = created.expect(StatusCode::CREATED);
    let session = created.text("session_id");
    let task = server.task(&session, "p", "t").await;
    server.set_task(&task, "in_progress").await;
    server.patch(&format!("/api/sessions/{session}"), json!({ "status": "completed" })).await.expect(StatusCode::OK);

    let of_session = trail(&server, &format!("session_id={session}")).await;
    let kinds: Vec<_> = of_session.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let expected = ["task.failed", "session.completed", "task.started", "task.created", "session.created"];
    let sorted = |mut kinds: Vec<&str>| {
        kinds.sort_unstable();
        kinds.join(" ")
    };
    assert_eq!(sorted(kinds.clone()), sorted(expected.to_vec()));
    assert_eq!(kinds.last(), Some(&"session.created"));
    let first = of_session.last().unwrap();
    assert_eq!(first["key_id"], json!(key));
    assert_eq!(first["ip"], "127.0.0.1");
    assert_eq!(first["request_id"].as_str(), created.header("x-request-id"));
    assert_eq!(first["outcome"], "done");
    assert!(of_session[0]["key_id"].is_string(), "a key of the settings has a name, too: {}", of_session[0]);
    assert_ne!(of_session[0]["key_id"], json!(key));
    let of_key = trail(&server, &format!("key_id={key}")).await;
    assert_eq!(of_key.len(), 1);
    let keys = trail(&server, "kind=key.created").await;
    assert_eq!(keys[0]["subject_key_id"], json!(key));
    assert!(!json!(keys).to_string().contains(&secret));
    server.stop().await;
}

#[tokio::test]
async fn refused_access_is_recorded() {
    let server = TestServer::start().await;
    let made = server.post("/api/keys", json!({ "name": "r", "role": "reader" })).await.expect(StatusCode::CREATED);
    let wrong = "00000000-0000-4000-8000-00000000dead";
    Reply::of(server.bare(Method::GET, "/api/sessions?project_id=secret-project")).await;
    Reply::of(server.bare(Method::GET, "/api/tasks").header("X-API-Key", wrong)).await;
    let forbidden = server.bare(Method::POST, "/api/sessions").header("X-API-Key", made.text("secret"));
    let forbidden = Reply::of(forbidden.json(&json!({ "project_id": "p", "machine_id": "m" }))).await;
    forbidden.error(StatusCode::FORBIDDEN, "forbidden");
    let bound = json!({ "name": "w", "role": "worker", "project_id": "mine" });
    let bound = server.post("/api/keys", bound).await.expect(StatusCode::CREATED);
    let outside = server.bare(Method::POST, "/api/sessions").header("X-API-Key", bound.text("secret"));
    let outside = Reply::of(outside.json(&json!({ "project_id": "theirs", "machine_id": "m" }))).await;
    outside.error(StatusCode::FORBIDDEN, "forbidden");
    server.act(&format!("/api/keys/{}/revoke", bound.text("key_id"))).await.expect(StatusCode::OK);
    let revoked = server.bare(Method::DELETE, &format!("/api/keys/{wrong}/revoke"));
    let revoked = Reply::of(revoked.header("X-API-Key", bound.text("secret"))).await;
    revoked.error(StatusCode::UNAUTHORIZED, "api_key_invalid");
    let found = refusals(&server, 5).await;
    let by_bound: Vec<_> = found.iter().filter(|event| event["key_id"] == json!(bound.text("key_id"))).collect();
    let codes: Vec<_> = by_bound.iter().map(|event| event["detail"]["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["api_key_invalid", "forbidden"]);
    assert_eq!(by_bound[0]["detail"]["endpoint"], "/api/keys/{id}/revoke", "what could be a key is not shown");

    let of = |code: &str| {
        let known = json!(bound.text("key_id"));
        let found = found.iter().find(|event| event["detail"]["code"] == code && event["key_id"] != known);
        found.unwrap_or_else(|| panic!("no {code} among {found:?}")).clone()
    };
    let event = of("forbidden");
    assert_eq!((&event["key_id"], &event["outcome"]), (&json!(made.text("key_id")), &json!("refused")));
    assert_eq!((&event["detail"]["endpoint"], &event["detail"]["method"]), (&json!("/api/sessions"), &json!("POST")));
    assert_eq!(event["request_id"].as_str(), forbidden.header("x-request-id"));
    for (code, path) in [("api_key_required", "/api/sessions"), ("api_key_invalid", "/api/tasks")] {
        let event = of(code);
        assert_eq!((&event["key_id"], &event["ip"]), (&Value::Null, &json!("127.0.0.1")));
        assert_eq!(event["detail"]["endpoint"], path);
    }
    let all = json!(found).to_string();
    assert!(!all.contains(wrong) && !all.contains("secret-project"), "{all}");
    server.stop().await;
}

#[tokio::test]
async fn the_trail_is_read_page_by_page() {
    let server = TestServer::start().await;
    for n in 0..7 {
        server.session(&format!("p{n}"), "m").await;
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("/api/audit?kind=session.created&limit=3{cursor}");
        let part: Value = server.get(&query).await.expect(StatusCode::OK).json();
        let project = |event: &Value| event["detail"]["project_id"].as_str().unwrap().to_owned();
        seen.extend(part["events"].as_array().unwrap().iter().map(project));
        let Some(next) = part["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["p6", "p5", "p4", "p3", "p2", "p1", "p0"]);
    for bad in ["cursor=1", "cursor=zz", "kind=nonsense", "since=yesterday", "limit=0", "limit=201", "key_id=7"] {
        server.get(&format!("/api/audit?{bad}")).await.error(StatusCode::BAD_REQUEST, "validation_failed");
    }
    assert_eq!(trail(&server, "until=2020-01-01T00:00:00.000Z").await, Vec::<Value>::new());
    server.stop().await;
}
