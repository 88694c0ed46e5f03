//! Bodies that are too large, too deep, or ambiguous JSON.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::process::Process;
use crate::support::{Reply, TestServer};
use crate::{head, is_error, said_to};

async fn post(server: &TestServer, path: &str, body: impl Into<Vec<u8>>) -> Reply {
    Reply::of(server.request(Method::POST, path).header("Content-Type", "application/json").body(body.into())).await
}

#[tokio::test]
async fn heads_and_bodies_of_ten_megabytes_are_refused_with_a_message() {
    let process = Process::start(&[]).await;
    let before = process.sockets();
    let ten = 10_000_000;
    let fields = format!("Content-Type: application/json\r\nContent-Length: {ten}\r\n");
    let whole = [head("POST", "/api/sessions", &fields).into_bytes(), vec![b' '; ten]].concat();
    is_error(&said_to(&process.address, whole).await, 413, "payload_too_large");
    let fields = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 100_000, " ".repeat(100_000)).repeat(100);
    let said = said_to(&process.address, (head("POST", "/api/sessions", fields) + &chunk + "0\r\n\r\n").into()).await;
    is_error(&said, 413, "payload_too_large");
    let many: String = (0..2000).map(|n| format!("X-Field-{n}: {n}\r\n")).collect();
    is_error(&said_to(&process.address, head("GET", "/health", &many).into()).await, 431, "payload_too_large");
    // The server does not read an oversized head completely, so the response may be lost.
    for fields in [format!("X-Field: {}\r\n", "x".repeat(ten)), "X-Field: x\r\n".repeat(ten / 12)] {
        let said = said_to(&process.address, head("GET", "/health", &fields).into()).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{said}");
    }
    let said = said_to(&process.address, head("GET", &format!("/{}", "x".repeat(ten)), "").into()).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    let said = said_to(&process.address, head("GET", "/health", "").into()).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    process.frees_all_but(before).await;
    process.stop().await;
}

#[tokio::test]
async fn json_nested_too_deeply_is_refused_and_any_other_is_stored() {
    let server = TestServer::start().await;
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let of = |metadata: &str| format!(r#"{{"project_id":"p","machine_id":"m","metadata":{metadata}}}"#);
    for body in ["[".repeat(1_000_000), r#"{"a":"#.repeat(200_000), "[{".repeat(400_000), of(&nested(10_000))] {
        let reply = post(&server, "/api/sessions", body).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["body"]);
        assert!(reply.body.len() < 1000, "it is not sent back");
    }
    let reply = post(&server, "/api/sessions", of(&nested(100))).await.expect(StatusCode::CREATED);
    let id = reply.text("session_id");
    let kept = server.get(&format!("/api/sessions/{id}")).await.field("metadata");
    assert_eq!(kept, serde_json::from_str::<serde_json::Value>(&nested(100)).unwrap());
    server.stop().await;
}

#[tokio::test]
async fn invalid_json_is_refused() {
    let server = TestServer::start().await;
    let cases: [&[u8]; 8] = [
        b"{\"project_id\":\"\xff\xfe\",\"machine_id\":\"m\"}",
        b"\xef\xbb\xbf{}",
        b"{\"project_id\":\"\\ud800\",\"machine_id\":\"m\"}",
        b"{'project_id':'p'}",
        b"{\"project_id\":NaN}",
        b"{} {}",
        b"\0",
        b"{\"project_id\":\"p\",}",
    ];
    for body in cases {
        let reply = post(&server, "/api/sessions", body).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["body"], "{body:?}");
    }
    assert_eq!(server.get("/api/sessions").await.field("total"), 0);
    server.stop().await;
}

#[tokio::test]
async fn a_duplicate_field_is_refused_by_name() {
    let server = TestServer::start().await;
    let cases = [
        (r#"{"project_id":"p","machine_id":"m","project_id":"q"}"#, "\"project_id\""),
        (r#"{"project_id":"p","machine_id":"m","metadata":{"a":{"deep":1,"deep":1}}}"#, "\"deep\""),
        (r#"{"project_id":"p","machine_id":"m","metadata":{"list":[{"x":1,"x":2}]}}"#, "\"x\""),
        (r#"{"project_id":"p","machine_id":"m","m\u0065tadata":{},"metadata":{}}"#, "\"metadata\""),
    ];
    for (body, name) in cases {
        let reply = post(&server, "/api/sessions", body).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["body"]);
        assert!(
            reply.detail("body").contains(name) && reply.detail("body").contains("twice"),
            "{}",
            reply.detail("body")
        );
    }
    let long = format!(r#"{{"{0}":1,"{0}":2}}"#, "n".repeat(100_000));
    let reply = post(&server, "/api/sessions", long).await;
    reply.error(StatusCode::BAD_REQUEST, "validation_failed");
    assert!(reply.body.len() < 1500, "it is not sent back whole");
    server.stop().await;
}

#[tokio::test]
async fn very_large_numbers_are_refused_or_stored_as_they_are() {
    let server = TestServer::start().await;
    let of = |slot: &str, number: &str| {
        format!(r#"{{"project_id":"p","machine_id":"m","docker_slot":{slot},"metadata":{{"n":{number}}}}}"#)
    };
    let ten_to_30 = format!("1{}", "0".repeat(30));
    for (slot, number) in [("1e400", "1"), ("1", "1e400"), ("1", "-1e400")] {
        let reply = post(&server, "/api/sessions", of(slot, number)).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["body"], "{slot} {number}");
    }
    for slot in [ten_to_30.as_str(), "-1", "65536", "1.5", "18446744073709551616"] {
        let reply = post(&server, "/api/sessions", of(slot, "1")).await;
        assert_eq!(reply.error(StatusCode::BAD_REQUEST, "validation_failed"), ["docker_slot"], "{slot}");
    }
    let reply = post(&server, "/api/sessions", of("7", &ten_to_30)).await.expect(StatusCode::CREATED);
    assert_eq!(reply.field("metadata"), json!({ "n": 1e30 }));
    for number in ["18446744073709551615", "-9223372036854775808", "5e-324", "1.7976931348623157e308"] {
        let id = reply.text("session_id");
        let patch = format!(r#"{{"metadata":{{"n":{number}}}}}"#);
        let request = server.request(Method::PATCH, &format!("/api/sessions/{id}"));
        let reply = Reply::of(request.header("Content-Type", "application/json").body(patch)).await;
        let expected: serde_json::Value = serde_json::from_str(number).unwrap();
        assert_eq!(reply.expect(StatusCode::OK).field("metadata")["n"], expected);
    }
    let huge = "99999999999999999999999999999999999999";
    for (path, parameter) in [
        (format!("/api/sessions?limit={huge}"), "limit"),
        (format!("/api/sessions?offset={huge}"), "offset"),
        (format!("/api/sessions/stalled?limit={huge}"), "limit"),
        (format!("/api/sessions?limit=1e400&offset=-{huge}"), "limit"),
    ] {
        assert_eq!(server.get(&path).await.error(StatusCode::BAD_REQUEST, "validation_failed")[0], parameter);
    }
    let path = format!("/api/sessions/cleanup?older_than_days={huge}");
    assert_eq!(server.act(&path).await.error(StatusCode::BAD_REQUEST, "validation_failed"), ["older_than_days"]);
    // The largest allowed value lies before every possible time, so it deletes nothing.
    let path = format!("/api/sessions/cleanup?older_than_days={}", u32::MAX);
    assert_eq!(server.act(&path).await.expect(StatusCode::OK).field("deleted_sessions"), 0);
    server.stop().await;
}
