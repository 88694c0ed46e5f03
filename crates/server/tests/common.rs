//! What all endpoints have in common: the shape of errors, bodies, validation, paging, revisions, request ids, docs.

mod support;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Reply, Setup, TestServer};

#[tokio::test]
async fn a_wrong_method_is_refused_with_the_allowed_ones() {
    let server = TestServer::start().await;
    let cases = [
        (Method::PUT, "/api/sessions", "GET, HEAD, POST"),
        (Method::GET, "/api/sessions/detect-failures", "POST"),
        (Method::GET, "/api/sessions/6fa459ea-ee8a-4ca4-894e-db77e160355e/heartbeat", "POST"),
        (Method::POST, "/api/machines/m", "GET, HEAD, PUT, PATCH, DELETE"),
        (Method::DELETE, "/health", "GET, HEAD"),
        (Method::OPTIONS, "/api/tasks", "GET, HEAD, POST"),
    ];
    for (method, path, allow) in cases {
        let reply = Reply::of(server.request(method, path)).await;
        reply.error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn head_answers_as_get_does_without_a_body() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let path = format!("/api/sessions/{id}");
    let reply = Reply::of(server.request(Method::HEAD, &path)).await.expect(StatusCode::OK);
    assert_eq!(reply.header("etag"), Some("\"1\""));
    assert!(reply.body.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn bodies_must_be_json_below_the_size_limit() {
    let server = Setup::new().set("MAX_BODY_BYTES", "1000").start().await;
    let send = |kind: Option<&'static str>, body: Vec<u8>| {
        let request = server.request(Method::POST, "/api/sessions").body(body);
        Reply::of(match kind {
            Some(kind) => request.header("Content-Type", kind),
            None => request,
        })
    };
    let good = |machine: &str| json!({ "project_id": "p", "machine_id": machine }).to_string().into_bytes();
    send(None, good("a")).await.expect(StatusCode::CREATED);
    send(Some("application/json; charset=utf-8"), good("b")).await.expect(StatusCode::CREATED);
    send(Some("application/vnd.rekindle+json"), good("c")).await.expect(StatusCode::CREATED);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
        let reply = send(Some(kind), good("d")).await;
        reply.error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    }
    let zipped = server.request(Method::POST, "/api/sessions").header("Content-Encoding", "gzip").body(good("d"));
    Reply::of(zipped).await.error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    let mut large = good("d");
    large.resize(1001, b' ');
    send(None, large.clone()).await.error(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large");
    large.truncate(1000);
    send(None, large).await.expect(StatusCode::CREATED);
    for bad in ["{", "[1]", "\"x\"", "null", "{\"project_id\": \"\u{7}\"}", "{} {}"] {
        let reply = send(None, bad.as_bytes().to_vec()).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["body"], "{bad}");
    }
    send(None, b"\xff\xfe".to_vec()).await.error(StatusCode::BAD_REQUEST, "validation_failed");
    server.stop().await;
}

#[tokio::test]
async fn a_chunked_body_has_the_same_size_limit() {
    use std::io::{Read, Write};
    let server = Setup::new().set("MAX_BODY_BYTES", "1000").start().await;
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let reply = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "POST /api/sessions HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            support::KEY
        );
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = format!("{:x}\r\n{}\r\n", 600, " ".repeat(600));
        stream.write_all(chunk.repeat(2).as_bytes()).unwrap();
        stream.write_all(b"0\r\n\r\n").unwrap();
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        reply
    });
    let reply = reply.await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
    assert!(reply.contains("payload_too_large"), "{reply}");
    server.stop().await;
}

/// Test-2.1.b, Test-5.2.b, and all bad fields at once.
#[tokio::test]
async fn every_bad_field_is_named() {
    let server = TestServer::start().await;
    let session = server.session("p", "m").await;
    let at = |path: &str| path.replace("{session}", &session);
    let long = "x".repeat(201);
    let cases = [
        (Method::POST, "/api/sessions", json!({ "machine_id": "m" }), vec!["project_id"]),
        (Method::POST, "/api/sessions", json!({}), vec!["project_id", "machine_id"]),
        (
            Method::POST,
            "/api/sessions",
            json!({ "project_id": long, "machine_id": "a/b", "docker_slot": 65536, "metadata": "x", "other": 1 }),
            vec!["project_id", "machine_id", "docker_slot", "metadata"],
        ),
        (
            Method::POST,
            "/api/sessions",
            json!({ "project_id": "\n", "machine_id": null, "metadata": { "recovery": 1, "archived": true } }),
            vec!["project_id", "machine_id", "metadata.archived", "metadata.recovery"],
        ),
        (
            Method::PATCH,
            "/api/sessions/{session}",
            json!({ "status": "gone", "current_task_id": 7, "metadata": null }),
            vec!["status", "current_task_id", "metadata"],
        ),
        (Method::PATCH, "/api/sessions/{session}", json!({ "status": null }), vec!["status"]),
        (Method::PATCH, "/api/sessions/{session}", json!({ "error_message": "x" }), vec!["error_message"]),
        (Method::PATCH, "/api/sessions/{session}", json!({ "status": "failed" }), vec!["error_message"]),
        (Method::POST, "/api/sessions/{session}/heartbeat", json!({ "current_task_id": "" }), vec!["current_task_id"]),
        (Method::POST, "/api/sessions/{session}/mark-failed", json!({ "error_message": " " }), vec!["error_message"]),
        (Method::POST, "/api/sessions/{session}/mark-failed", Value::Null, vec!["error_message"]),
        (Method::POST, "/api/sessions/{session}/prepare-recovery", json!({ "release_slot": 1 }), vec!["release_slot"]),
        (
            Method::POST,
            "/api/sessions/{session}/recover",
            json!({ "docker_slot": "1", "reset_failed_tasks": "no" }),
            vec!["new_machine_id", "docker_slot", "reset_failed_tasks"],
        ),
        (
            Method::POST,
            "/api/tasks",
            json!({ "session_id": "x", "task_name": "", "github_issue_id": 1 }),
            vec!["session_id", "project_id", "github_issue_id", "task_name"],
        ),
        (
            Method::POST,
            "/api/machines",
            json!({ "hostname": 1, "docker_slots": [1, 1], "machine_id": null }),
            vec!["machine_id", "hostname", "docker_slots"],
        ),
        (Method::POST, "/api/machines", json!({ "hostname": "h", "docker_slots": [1.5] }), vec!["docker_slots"]),
        (
            Method::PUT,
            "/api/machines/m",
            json!({ "machine_id": "other", "hostname": "h" }),
            vec!["machine_id", "docker_slots"],
        ),
        (
            Method::PATCH,
            "/api/machines/m",
            json!({ "status": "up", "docker_slots": 1 }),
            vec!["status", "docker_slots"],
        ),
    ];
    for (method, path, body, fields) in cases {
        let request = server.request(method, &at(path));
        let reply = Reply::of(if body.is_null() { request } else { request.json(&body) }).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), fields, "{path} {body}");
        for field in fields {
            assert!(reply.text("message").contains(field), "{}", reply.text("message"));
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn every_bad_parameter_is_named() {
    let server = TestServer::start().await;
    let cases = [
        ("/api/sessions?limit=0&status=gone&offset=x", vec!["status", "limit", "offset"]),
        ("/api/sessions?limit=101", vec!["limit"]),
        (
            "/api/sessions?lineage_id=1&archived=yes&cursor=1&project_id=",
            vec!["project_id", "archived", "lineage_id", "cursor"],
        ),
        ("/api/sessions/archived?limit=101", vec!["limit"]),
        ("/api/sessions/stalled?limit=1001", vec!["limit"]),
        ("/api/tasks?session_id=1&limit=201&status=active", vec!["session_id", "status", "limit"]),
        ("/api/machines?status=up&limit=-1", vec!["status", "limit"]),
    ];
    for (path, parameters) in cases {
        let reply = server.get(path).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), parameters, "{path}");
    }
    for path in ["/api/sessions?limit=100&unknown=1", "/api/tasks?limit=200", "/api/sessions/stalled?limit=1000"] {
        server.get(path).await.expect(StatusCode::OK);
    }
    let reply = server.act("/api/sessions/cleanup?older_than_days=-1&dry_run=1").await;
    let fields = reply.error(StatusCode::BAD_REQUEST, "validation_failed");
    assert_eq!(fields, ["older_than_days", "dry_run"]);
    server.stop().await;
}

/// Test-2.1.d, Test-2.2.e: a malformed id in a path is not found.
#[tokio::test]
async fn a_malformed_id_is_not_found() {
    let server = TestServer::start().await;
    let unknown = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
    for id in ["invalid-uuid-123", "6fa459eaee8a4ca4894edb77e160355e", "%ff", "a%20b", unknown] {
        for (method, path) in [
            (Method::GET, format!("/api/sessions/{id}")),
            (Method::GET, format!("/api/sessions/{id}/health")),
            (Method::DELETE, format!("/api/sessions/{id}")),
            (Method::POST, format!("/api/sessions/{id}/heartbeat")),
            (Method::POST, format!("/api/sessions/{id}/archive")),
            (Method::GET, format!("/api/tasks/{id}")),
            (Method::GET, format!("/api/machines/{id}")),
        ] {
            let reply = Reply::of(server.request(method, &path)).await;
            reply.error(StatusCode::NOT_FOUND, "not_found");
            assert_eq!(reply.text("path"), path);
        }
    }
    let long = "x".repeat(201);
    let body = json!({ "hostname": "h", "docker_slots": [] });
    server.put(&format!("/api/machines/{long}"), body).await.error(StatusCode::NOT_FOUND, "not_found");
    assert!(server.get("/api/sessions/invalid-uuid-123").await.text("message").contains("invalid-uuid-123"));
    server.stop().await;
}

#[tokio::test]
async fn lists_continue_from_a_cursor() {
    let server = TestServer::start().await;
    let mut made = Vec::new();
    for n in 0..7 {
        made.push(server.session("p", &format!("m{n}")).await);
    }
    made.reverse();
    let ids = |reply: &Reply| -> Vec<String> {
        let page = reply.field("sessions");
        page.as_array().unwrap().iter().map(|session| session["session_id"].as_str().unwrap().to_owned()).collect()
    };
    let first = server.get("/api/sessions?limit=3").await.expect(StatusCode::OK);
    assert_eq!((first.field("total"), first.field("limit"), first.field("offset")), (json!(7), json!(3), json!(0)));
    let mut seen = ids(&first);
    let mut next = first.field("next_cursor");
    while let Some(cursor) = next.as_str() {
        let page = server.get(&format!("/api/sessions?limit=3&cursor={cursor}")).await.expect(StatusCode::OK);
        assert_eq!(page.field("offset"), Value::Null);
        assert_eq!(page.field("total"), 7);
        seen.extend(ids(&page));
        next = page.field("next_cursor");
    }
    assert_eq!(seen, made, "newest first, each once");
    assert_eq!(ids(&server.get("/api/sessions?limit=2&offset=5").await), made[5..]);
    let last = server.get("/api/sessions?offset=7").await;
    assert_eq!((ids(&last).len(), last.field("next_cursor")), (0, Value::Null));
    server.stop().await;
}

#[tokio::test]
async fn if_match_guards_a_revision() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let path = format!("/api/sessions/{id}");
    let patch = |condition: &'static str, note: u32| {
        let body = json!({ "metadata": { "note": note } });
        Reply::of(server.request(Method::PATCH, &path).header("If-Match", condition).json(&body))
    };
    let changed = patch("\"1\"", 1).await.expect(StatusCode::OK);
    assert_eq!((changed.header("etag"), changed.field("revision")), (Some("\"2\""), json!(2)));
    let stale = patch("\"1\"", 2).await;
    stale.error(StatusCode::PRECONDITION_FAILED, "revision_mismatch");
    assert_eq!(stale.detail("revision"), "2");
    patch("\"1\", \"2\"", 3).await.expect(StatusCode::OK);
    patch("*", 4).await.expect(StatusCode::OK);
    for malformed in ["3", "W/\"4\"", "\"x\"", "\"4", "", "\"4\" \"5\""] {
        let reply = patch(malformed, 5).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["If-Match"], "{malformed}");
    }
    let delete = |condition: &str| Reply::of(server.request(Method::DELETE, &path).header("If-Match", condition));
    delete("\"1\"").await.error(StatusCode::PRECONDITION_FAILED, "revision_mismatch");
    delete("\"4\"").await.expect(StatusCode::NO_CONTENT);
    let put = server.request(Method::PUT, "/api/machines/new").header("If-Match", "*");
    let put = Reply::of(put.json(&json!({ "hostname": "h", "docker_slots": [] }))).await;
    put.error(StatusCode::PRECONDITION_FAILED, "revision_mismatch");
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_changes_nothing_leaves_the_revision() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let path = format!("/api/sessions/{id}");
    let before = server.get(&path).await.json();
    for body in [json!({}), json!({ "status": "active" }), json!({ "unknown": 1 }), json!({ "metadata": {} })] {
        let after = server.patch(&path, body).await.expect(StatusCode::OK);
        assert_eq!(after.field("revision"), 1);
        assert_eq!(after.field("updated_at"), before["updated_at"]);
    }
    let bodyless = Reply::of(server.request(Method::PATCH, &path)).await.expect(StatusCode::OK);
    assert_eq!(bodyless.field("revision"), 1);
    server.act(&format!("{path}/heartbeat")).await.expect(StatusCode::OK);
    assert_eq!(server.get(&path).await.header("etag"), Some("\"1\""));
    server.stop().await;
}

/// Test-5.1.e: every response has an id of its own, always the server's.
#[tokio::test]
async fn every_response_has_a_request_id() {
    let server = TestServer::start().await;
    let mut seen = std::collections::HashSet::new();
    for path in ["/health", "/api/sessions", "/api/nothing", "/api/sessions?limit=0"] {
        let reply = Reply::of(server.request(Method::GET, path).header("X-Request-Id", support::KEY)).await;
        let id: uuid::Uuid = reply.header("x-request-id").unwrap().parse().unwrap();
        assert_eq!((id.get_version_num(), id.get_variant()), (4, uuid::Variant::RFC4122));
        assert_ne!(id.to_string(), support::KEY);
        assert!(seen.insert(id));
    }
    server.stop().await;
}

/// Test-1.2.f, Test-5.3.a.
#[tokio::test]
async fn health_and_docs_are_served() {
    let server = TestServer::start().await;
    let health = Reply::of(server.bare(Method::GET, "/health")).await.expect(StatusCode::OK);
    assert_eq!(health.text("status"), "ok");
    assert!(health.field("uptime").as_f64().unwrap() > 0.0);
    assert!(health.text("timestamp").ends_with('Z'));
    assert_eq!(server.get("/ready").await.json(), json!({ "status": "ready" }));
    let document = Reply::of(server.bare(Method::GET, "/api/docs")).await.expect(StatusCode::OK);
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert!(document.text("openapi").starts_with("3.1"));
    assert_eq!(document.body, Reply::of(server.bare(Method::GET, "/api/docs/openapi.json")).await.body);
    let browser = server.bare(Method::GET, "/api/docs").header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    let page = Reply::of(browser).await.expect(StatusCode::OK);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let text = String::from_utf8(page.body).unwrap();
    assert!(!text.contains("://"), "the page asks nobody else");
    let mut files = 0;
    for part in text.split(['"', '\'']).filter(|part| part.starts_with("/api/docs/")) {
        let file = Reply::of(server.bare(Method::GET, part)).await.expect(StatusCode::OK);
        assert!(!file.body.is_empty(), "{part}");
        files += 1;
    }
    assert!(files >= 5, "{text}");
    let script = Reply::of(server.bare(Method::GET, "/api/docs/swagger-initializer.js")).await;
    assert!(String::from_utf8(script.body).unwrap().contains("/api/docs/openapi.json"));
    Reply::of(server.bare(Method::GET, "/api/docs/none.js")).await.error(StatusCode::NOT_FOUND, "not_found");
    server.stop().await;
}
