//! Texts that have a meaning to a database, a shell or a file system, in every place where a text is allowed: they are
//! stored unchanged, and a search for one finds only itself.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Reply, TestServer};

/// As ids, they have no control characters, and as machine ids no `/`.
const TEXTS: [&str; 12] = [
    "' OR 1=1",
    "'; DROP TABLE sessions; --",
    "\" OR \"\"=\"",
    "1) UNION SELECT * FROM machines --",
    "{\"$gt\":\"\"}",
    "$where",
    "sleep(1000)",
    "%' OR '%'='",
    "_%*?[a-z]",
    "..\\..\\etc\\passwd",
    "a.b.$c",
    "\u{202e}\u{1f525}\u{e9} e\u{301} ' \"",
];

async fn total(server: &TestServer, list: &str, filter: &str, value: &str) -> Value {
    let request = server.request(Method::GET, list).query(&[(filter, value)]);
    Reply::of(request).await.expect(StatusCode::OK).field("total")
}

#[tokio::test]
async fn every_text_is_stored_unchanged_and_finds_only_itself() {
    let server = TestServer::start().await;
    for text in TEXTS {
        let metadata = json!({ text: text, "$where": { "$gt": text }, "list": [text, { text: null }] });
        let body = json!({ "machine_id": text, "hostname": text, "docker_slots": [1], "metadata": metadata });
        let machine = server.post("/api/machines", body).await.expect(StatusCode::CREATED);
        assert_eq!((machine.field("machine_id"), machine.field("hostname")), (json!(text), json!(text)));
        let location = machine.header("location").unwrap().to_owned();
        assert_eq!(server.get(&location).await.expect(StatusCode::OK).field("metadata"), metadata);

        let body = json!({ "project_id": text, "machine_id": text, "docker_slot": 1, "metadata": metadata });
        let session = server.post("/api/sessions", body).await.expect(StatusCode::CREATED).text("session_id");
        let path = format!("/api/sessions/{session}");
        let patch = json!({ "current_task_id": text, "metadata": { "more": text } });
        let patched = server.patch(&path, patch).await.expect(StatusCode::OK);
        assert_eq!(patched.field("current_task_id"), text);
        assert_eq!(patched.field("metadata")["$where"], json!({ "$gt": text }));
        let key = format!("beat {text}");
        let beat = json!({ "current_task_id": text, "metadata": { &key: { "$set": text } } });
        server.post(&format!("{path}/heartbeat"), beat).await.expect(StatusCode::OK);
        assert_eq!(server.get(&path).await.field("metadata")[&key], json!({ "$set": text }));

        let body = json!({ "session_id": session, "project_id": text, "task_name": text, "github_issue_id": text });
        let task = server.post("/api/tasks", body).await.expect(StatusCode::CREATED).text("task_id");
        let failed = json!({ "status": "failed", "error_message": text });
        let task = server.patch(&format!("/api/tasks/{task}"), failed).await.expect(StatusCode::OK);
        for field in ["task_name", "error_message", "github_issue_id", "project_id"] {
            assert_eq!(task.field(field), text, "{field}");
        }
        let failed = json!({ "error_message": text });
        let failed = server.post(&format!("{path}/mark-failed"), failed).await.expect(StatusCode::OK);
        assert_eq!(failed.field("metadata")["error_message"], text);
        let target = json!({ "new_machine_id": text, "docker_slot": 1 });
        let successor = server.post(&format!("{path}/recover"), target).await.expect(StatusCode::CREATED);
        assert_eq!(successor.field("machine_id"), text);
    }
    for text in TEXTS {
        // The session and its successor.
        assert_eq!(total(&server, "/api/sessions", "project_id", text).await, 2, "{text}");
        assert_eq!(total(&server, "/api/sessions", "machine_id", text).await, 2, "{text}");
        assert_eq!(total(&server, "/api/tasks", "project_id", text).await, 2, "{text}");
    }
    let count = TEXTS.len();
    assert_eq!(server.get("/api/sessions").await.field("total"), 2 * count);
    assert_eq!(server.get("/api/machines").await.field("total"), count);
    server.stop().await;
}

#[tokio::test]
async fn an_operator_in_place_of_a_text_is_refused() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let task = server.task(&session, "p", "work").await;
    for operator in [json!({ "$gt": "" }), json!({ "$where": "1" }), json!(["p"]), json!(true), json!(0)] {
        for (method, path, fields) in [
            (Method::POST, "/api/sessions".to_owned(), vec!["project_id", "machine_id"]),
            (Method::PATCH, format!("/api/sessions/{session}"), vec!["status", "current_task_id"]),
            (Method::POST, format!("/api/sessions/{session}/mark-failed"), vec!["error_message"]),
            (Method::POST, format!("/api/sessions/{session}/recover"), vec!["new_machine_id"]),
            (Method::POST, "/api/tasks".to_owned(), vec!["session_id", "project_id", "task_name"]),
            (Method::PATCH, format!("/api/tasks/{task}"), vec!["status"]),
            (Method::POST, "/api/machines".to_owned(), vec!["machine_id", "hostname"]),
        ] {
            let body: serde_json::Map<_, _> =
                fields.iter().map(|field| ((*field).to_owned(), operator.clone())).collect();
            let reply = Reply::of(server.request(method, &path).json(&body)).await;
            let named = reply.error(StatusCode::BAD_REQUEST, "validation_failed");
            assert!(fields.iter().all(|field| named.iter().any(|named| named == field)), "{path} {named:?}");
        }
    }
    // The notations of PHP and Express give an unknown parameter or an invalid value.
    for filter in ["project_id[$gt]=", "project_id[$ne]=x", "$where=1", "project_id.$gt="] {
        let reply = server.get(&format!("/api/sessions?{filter}")).await.expect(StatusCode::OK);
        assert_eq!(reply.field("total"), 1, "an unknown parameter changes nothing: {filter}");
    }
    for filter in ["status={\"$gt\":\"\"}", "lineage_id={\"$gt\":\"\"}", "archived={\"$ne\":1}", "cursor=' OR 1=1"] {
        let reply = server.get(&format!("/api/sessions?{filter}")).await;
        reply.error(StatusCode::BAD_REQUEST, "validation_failed");
    }
    assert_eq!(server.status(&session).await, "active");
    server.stop().await;
}

#[tokio::test]
async fn an_id_cannot_escape_its_path() {
    let server = TestServer::start().await;
    server.session("p", "m").await;
    for id in [
        "..%2f",
        "..%2F..%2Fhealth",
        "%2e%2e%2fmachines",
        "..%5c..%5cetc",
        "%252e%252e%252f",
        "....//",
        "%00",
        "6fa459ea-ee8a-4ca4-894e-db77e160355e%00",
        "'%20OR%201=1",
        "%7B%22$gt%22:%22%22%7D",
        "%ff%fe",
        "*",
        "~",
    ] {
        for list in ["sessions", "tasks", "machines"] {
            for method in [Method::GET, Method::DELETE, Method::PATCH] {
                let reply = Reply::of(server.request(method.clone(), &format!("/api/{list}/{id}"))).await;
                assert_eq!(reply.status, StatusCode::NOT_FOUND, "{method} {list} {id}");
                reply.error(StatusCode::NOT_FOUND, "not_found");
            }
        }
    }
    let reply = server.put("/api/machines/a%2Fb", json!({ "hostname": "h", "docker_slots": [] })).await;
    reply.error(StatusCode::NOT_FOUND, "not_found");
    for file in ["..%2f..%2fCargo.toml", "%2e%2e/index.html", "..%5c", "%00"] {
        let reply = server.get(&format!("/api/docs/{file}")).await;
        reply.error(StatusCode::NOT_FOUND, "not_found");
    }
    assert_eq!(server.get("/api/sessions").await.field("total"), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_nul_is_refused_in_an_id_and_stored_in_a_text() {
    let server = TestServer::start().await;
    let body = json!({ "project_id": "p\0", "machine_id": "\0" });
    let reply = server.post("/api/sessions", body).await;
    assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["project_id", "machine_id"]);
    let metadata = json!({ "a\0b": "c\0d", "\u{1}": "\u{7f}\u{85}" });
    let body = json!({ "project_id": "p", "machine_id": "m", "metadata": metadata });
    let session = server.post("/api/sessions", body).await.expect(StatusCode::CREATED).text("session_id");
    assert_eq!(server.get(&format!("/api/sessions/{session}")).await.field("metadata"), metadata);
    let task = server.task(&session, "p", "build\0 and test").await;
    let failed = json!({ "status": "failed", "error_message": "it\0broke" });
    server.patch(&format!("/api/tasks/{task}"), failed).await.expect(StatusCode::OK);
    let task = server.get(&format!("/api/tasks/{task}")).await;
    assert_eq!(
        (task.text("task_name").as_str(), task.text("error_message").as_str()),
        ("build\0 and test", "it\0broke")
    );
    server.stop().await;
}

#[tokio::test]
async fn a_query_that_is_not_utf8_is_refused() {
    let server = TestServer::start().await;
    for query in ["project_id=%ff", "project_id=%c3%28", "%ff=x", "unknown=%fe%ff"] {
        let reply = server.get(&format!("/api/sessions?{query}")).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["query"], "{query}");
    }
    for query in ["project_id=%00", "machine_id=%0a"] {
        let reply = server.get(&format!("/api/sessions?{query}")).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed").len(), 1, "{query}");
    }
    for query in ["project_id=%zz", "&&&=&", "project_id=%", "%C3%A9=1"] {
        server.get(&format!("/api/sessions?{query}")).await.expect(StatusCode::OK);
    }
    server.stop().await;
}
