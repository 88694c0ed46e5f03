//! `/metrics`: every documented metric, in a form that Prometheus parses, with a bounded number of series.
#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle_core::{Store, StoreError};
use rekindle_telemetry::metrics::{Kind, METRICS};
use rekindle_testkit::ManualClock;
use rekindle_testkit::{FaultyStore, Outage};
use reqwest::{Method, StatusCode};
use serde_json::json;
use support::exposition::Exposition;
use support::{Reply, Setup, TestServer};

async fn page(server: &TestServer) -> Exposition {
    let reply = server.get("/metrics").await.expect(StatusCode::OK);
    Exposition::read(std::str::from_utf8(&reply.body).unwrap())
}

/// Polls the page until the condition holds.
async fn shows(server: &TestServer, what: &str, holds: impl Fn(&Exposition) -> bool) -> Exposition {
    let began = Instant::now();
    loop {
        let page = page(server).await;
        if holds(&page) {
            return page;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: {page:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn requests(page: &Exposition, endpoint: &str, method: &str, status: &str) -> Option<f64> {
    page.get("api_requests_total", &[("endpoint", endpoint), ("method", method), ("status", status)])
}

/// Metrics that are shown only after the first occurrence.
const WHEN_IT_HAPPENS: [&str; 1] = ["rekindle_audit_entries_dropped_total"];

#[tokio::test]
async fn every_documented_metric_is_present_and_well_formed() {
    let server = Setup::new().layered().start().await;
    let session = server.session("p", "m").await;
    server.act(&format!("/api/sessions/{session}/heartbeat")).await.expect(StatusCode::OK);
    let passed = |page: &Exposition| {
        page.get("rekindle_job_last_success_timestamp_seconds", &[("job_name", "detector")]).is_some()
    };
    let page = shows(&server, "a pass of the detector", passed).await;
    for metric in METRICS {
        let kind = page.metrics.get(metric.name).map(String::as_str);
        if WHEN_IT_HAPPENS.contains(&metric.name) {
            assert_eq!(kind, None, "{}", metric.name);
            continue;
        }
        assert_eq!(kind, Some(metric.kind.as_str()), "{}", metric.name);
        let sample = match metric.kind {
            Kind::Histogram(bounds) => {
                assert!(bounds.is_sorted() && !bounds.is_empty(), "{}", metric.name);
                format!("{}_count", metric.name)
            }
            Kind::Counter | Kind::Gauge => metric.name.to_owned(),
        };
        let mut series = page.of(&sample).peekable();
        assert!(series.peek().is_some(), "{} has no series", metric.name);
        for (labels, _) in series {
            let mut expected = metric.labels.to_vec();
            expected.sort_unstable();
            assert!(labels.keys().map(String::as_str).eq(expected), "{}: {labels:?}", metric.name);
        }
    }
    for name in page.metrics.keys() {
        assert!(METRICS.iter().any(|metric| metric.name == name), "{name} is not documented");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_response_is_counted_whichever_part_gives_it() {
    let server = Setup::new().set("RATE_LIMIT_HEARTBEATS_PER_MINUTE", "1").layered().start().await;
    server.get("/api/sessions?limit=7").await.expect(StatusCode::OK);
    server.get("/api/sessions/no-such-session").await.error(StatusCode::NOT_FOUND, "not_found");
    Reply::of(server.bare(Method::GET, "/api/tasks")).await.error(StatusCode::UNAUTHORIZED, "api_key_required");
    server.put("/api/sessions", json!({})).await.error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    Reply::of(server.bare(Method::GET, "/health")).await.expect(StatusCode::OK);
    for status in [StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS] {
        assert_eq!(server.act("/api/machines/m/heartbeat").await.status, status);
    }
    let page = page(&server).await;
    assert_eq!(requests(&page, "/api/sessions", "GET", "200"), Some(1.0));
    assert_eq!(requests(&page, "/api/sessions/{id}", "GET", "404"), Some(1.0));
    assert_eq!(requests(&page, "/api/tasks", "GET", "401"), Some(1.0));
    assert_eq!(requests(&page, "/api/sessions", "PUT", "405"), Some(1.0));
    assert_eq!(requests(&page, "/health", "GET", "200"), Some(1.0));
    assert_eq!(requests(&page, "/api/machines/{id}/heartbeat", "POST", "429"), Some(1.0));
    assert_eq!(page.get("rekindle_auth_failures_total", &[("reason", "api_key_required")]), Some(1.0));
    assert_eq!(page.get("rekindle_rate_limited_total", &[("class", "heartbeats")]), Some(1.0));
    let refused = page.get("rekindle_heartbeats_total", &[("kind", "machine"), ("outcome", "refused")]);
    assert_eq!(refused, Some(2.0));
    assert_eq!(page.get("heartbeat_latency_ms_count", &[]), Some(1.0), "the one that was worked on");
    let took = page.get("rekindle_http_request_duration_seconds_count", &[("endpoint", "/health"), ("method", "GET")]);
    assert_eq!(took, Some(1.0));
    assert_eq!(page.get("rekindle_http_requests_in_flight", &[]), Some(1.0), "the one that asks");
    server.stop().await;
}

#[tokio::test]
async fn a_thousand_unknown_paths_and_methods_add_no_series() {
    let server = Setup::new().layered().start().await;
    let strange = |n: u32| Method::from_bytes(format!("STRANGE{n}").as_bytes()).unwrap();
    for warm_up in ["/nowhere", "/api/nowhere"] {
        server.get(warm_up).await.error(StatusCode::NOT_FOUND, "not_found");
        Reply::of(server.request(strange(0), warm_up)).await.error(StatusCode::NOT_FOUND, "not_found");
    }
    server.get("/api/sessions/x").await.error(StatusCode::NOT_FOUND, "not_found");
    let settled = |page: &Exposition| {
        page.get("rekindle_job_last_success_timestamp_seconds", &[("job_name", "detector")]).is_some()
    };
    shows(&server, "a pass of the detector", settled).await;
    let before = page(&server).await;
    for n in 0..1000_u32 {
        let path = match n % 4 {
            0 => format!("/api/{n}/{n}"),
            1 => format!("/{n}"),
            2 => format!("/api/sessions/{n}"),
            _ => format!("/api/sessions/{n}/{n}?{n}"),
        };
        server.get(&path).await.error(StatusCode::NOT_FOUND, "not_found");
    }
    for n in 1..50 {
        Reply::of(server.request(strange(n), "/nowhere")).await.error(StatusCode::NOT_FOUND, "not_found");
    }
    let after = page(&server).await;
    assert_eq!(requests(&after, "unmatched", "GET", "404"), Some(752.0));
    assert_eq!(requests(&after, "unmatched", "other", "404"), Some(51.0));
    assert_eq!(after.series(), before.series());
    server.stop().await;
}

#[tokio::test]
async fn stalls_recoveries_and_other_session_events_are_counted() {
    let clock = Arc::new(ManualClock::default());
    let server = Setup::new().clock(&clock).set("DETECT_INTERVAL_MS", "1000").layered().start().await;
    let (back, gone) = (server.session("p", "m").await, server.session("q", "m").await);
    server.let_pass(&clock, Duration::from_secs(182)).await;
    let page = shows(&server, "two stalls", |page| page.get("stalled_sessions_count", &[]) == Some(2.0)).await;
    assert_eq!(page.get("rekindle_sessions_stalled_total", &[]), Some(2.0));
    server.act(&format!("/api/sessions/{back}/heartbeat")).await.expect(StatusCode::OK);
    clock.advance(Duration::from_secs(30));
    let onto = json!({ "new_machine_id": "other" });
    for (session, status) in [(&gone, StatusCode::CREATED), (&gone, StatusCode::OK), (&back, StatusCode::BAD_REQUEST)] {
        server.post(&format!("/api/sessions/{session}/recover"), onto.clone()).await.expect(status);
    }
    server.task(&back, "p", "a task").await;
    let page =
        shows(&server, "one task", |page| page.get("rekindle_tasks", &[("status", "pending")]) == Some(1.0)).await;
    assert_eq!(page.get("rekindle_stalls_undone_total", &[]), Some(1.0));
    for (outcome, times) in [("now", 1.0), ("before", 1.0), ("refused", 1.0)] {
        assert_eq!(page.get("rekindle_recoveries_total", &[("outcome", outcome)]), Some(times), "{outcome}");
    }
    assert_eq!(page.get("rekindle_recovery_delay_seconds_count", &[]), Some(1.0));
    assert_eq!(page.get("rekindle_recovery_delay_seconds_sum", &[]), Some(32.0));
    for (status, count) in [("active", 2.0), ("completed", 1.0), ("stalled", 0.0), ("failed", 0.0), ("paused", 0.0)] {
        assert_eq!(page.get("rekindle_sessions", &[("status", status)]), Some(count), "{status}");
    }
    assert_eq!(page.get("rekindle_heartbeats_total", &[("kind", "session"), ("outcome", "ok")]), Some(1.0));
    server.stop().await;
}

#[tokio::test]
async fn the_detectors_delay_is_measured() {
    let server = Setup::new().set("STALL_THRESHOLD_MS", "200").layered().start().await;
    server.session("p", "m").await;
    let marked = |page: &Exposition| page.get("rekindle_detection_delay_seconds_count", &[]) == Some(1.0);
    let page = shows(&server, "a delay", marked).await;
    assert_eq!(page.get("rekindle_sessions_stalled_total", &[]), Some(1.0));
    assert!(page.get("rekindle_job_runs_total", &[("job_name", "detector"), ("outcome", "ok")]).unwrap() >= 1.0);
    server.stop().await;
}

#[tokio::test]
async fn without_a_store_only_its_own_metrics_are_missing() {
    let store = Arc::new(FaultyStore::default());
    let setup = Setup::new().store(Arc::clone(&store) as Arc<dyn Store>);
    let server = setup.layered().set("DETECT_INTERVAL_MS", "600000").start().await;
    let up = |page: &Exposition| page.get("rekindle_store_up", &[]) == Some(1.0);
    shows(&server, "the store", up).await;
    store.set(Some(Outage::Fails(StoreError::Unavailable("gone".to_owned()))));
    for _ in 0..6 {
        server.get("/api/sessions").await.error(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable");
    }
    // The previous result is cached for a second.
    let page = shows(&server, "no store", |page| !up(page)).await;
    for name in ["active_sessions_count", "rekindle_sessions", "rekindle_tasks", "rekindle_machines"] {
        assert!(!page.metrics.contains_key(name), "{name}");
    }
    assert_eq!(page.get("rekindle_store_up", &[]), Some(0.0));
    assert_eq!(page.get("rekindle_circuit_state", &[("state", "open")]), Some(1.0));
    assert_eq!(page.get("rekindle_circuit_state", &[("state", "closed")]), Some(0.0));
    assert_eq!(page.get("rekindle_circuit_opened_total", &[]), Some(1.0));
    let failed = page.get("rekindle_store_calls_total", &[("operation", "sessions"), ("outcome", "unavailable")]);
    assert!(failed.unwrap() >= 5.0);
    assert!(page.get("database_query_duration_ms_count", &[("operation", "sessions")]).unwrap() >= 5.0);
    server.stop().await;
}
