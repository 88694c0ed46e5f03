//! 2.4: the health of sessions.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Reply, Setup, TestServer};
use crate::{ids, silent_session};

#[tokio::test]
async fn test_2_4_a_the_counts() {
    let server = TestServer::start().await;
    for (project, status) in [
        ("a", None),
        ("b", None),
        ("c", Some("stalled")),
        ("d", Some("failed")),
        ("e", Some("completed")),
        ("f", Some("paused")),
    ] {
        let id = server.session(project, "m").await;
        let body = match status {
            None => continue,
            Some("failed") => json!({ "status": "failed", "error_message": "gone" }),
            Some(status) => json!({ "status": status }),
        };
        server.patch(&format!("/api/sessions/{id}"), body).await.expect(StatusCode::OK);
    }
    let health = server.get("/api/sessions/health").await.expect(StatusCode::OK).json();
    for (field, count) in [
        ("total_sessions", 6),
        ("active_sessions", 2),
        ("stalled_sessions", 1),
        ("failed_sessions", 1),
        ("completed_sessions", 1),
        ("paused_sessions", 1),
    ] {
        assert_eq!(health[field], count, "{field}");
    }
    assert!(health["last_updated"].as_str().unwrap().parse::<rekindle_core::Timestamp>().is_ok());
    server.stop().await;
}

#[tokio::test]
async fn test_2_4_b_a_silent_session_is_listed() {
    let server = TestServer::start().await;
    let id = silent_session(&server, 1, Duration::from_secs(300)).await;
    let stalled = server.get("/api/sessions/stalled").await.expect(StatusCode::OK);
    assert_eq!(ids(&stalled, "stalled_sessions", "session_id"), [id]);
    assert_eq!((stalled.field("stall_threshold_ms"), stalled.field("total")), (json!(180_000), json!(1)));
    assert!(stalled.field("stalled_sessions")[0]["time_since_heartbeat_ms"].as_u64().unwrap() >= 300_000);
    server.stop().await;
}

#[tokio::test]
async fn test_2_4_c_a_session_in_time_is_not_listed() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    server.act(&format!("/api/sessions/{id}/heartbeat")).await.expect(StatusCode::OK);
    let stalled = server.get("/api/sessions/stalled").await.expect(StatusCode::OK);
    assert_eq!(stalled.field("stalled_sessions"), json!([]));
    server.stop().await;
}

#[tokio::test]
async fn test_2_4_d_a_session_in_time_is_healthy() {
    let server = TestServer::start().await;
    let id = server.session("p", "m").await;
    let health = server.get(&format!("/api/sessions/{id}/health")).await.expect(StatusCode::OK).json();
    assert_eq!((&health["is_healthy"], &health["is_stalled"]), (&json!(true), &json!(false)));
    assert_eq!((&health["status"], &health["stall_threshold_ms"]), (&json!("active"), &json!(180_000)));
    server.patch(&format!("/api/sessions/{id}"), json!({ "status": "paused" })).await.expect(StatusCode::OK);
    let health = server.get(&format!("/api/sessions/{id}/health")).await.json();
    assert_eq!((&health["is_healthy"], &health["is_stalled"]), (&json!(false), &json!(false)));
    server.stop().await;
}

#[tokio::test]
async fn test_2_4_e_the_threshold_is_a_setting() {
    let server = Setup::new().set("STALL_THRESHOLD_MS", "60000").start().await;
    let late = silent_session(&server, 1, Duration::from_secs(90)).await;
    let in_time = silent_session(&server, 2, Duration::from_secs(30)).await;
    let stalled = server.get("/api/sessions/stalled").await.expect(StatusCode::OK);
    assert_eq!(ids(&stalled, "stalled_sessions", "session_id"), [late]);
    assert_eq!(stalled.field("stall_threshold_ms"), 60_000);
    let health = server.get(&format!("/api/sessions/{in_time}/health")).await;
    assert_eq!(health.field("is_stalled"), false);
    server.stop().await;
}

/// Test-2.4.f without its time limit, which the benchmark measures.
#[tokio::test]
async fn test_2_4_f_a_hundred_health_requests_at_once() {
    let server = TestServer::start().await;
    let requests: Vec<_> =
        (0..100).map(|_| tokio::spawn(Reply::of(server.request(Method::GET, "/api/sessions/health")))).collect();
    for request in requests {
        request.await.unwrap().expect(StatusCode::OK);
    }
    server.stop().await;
}
