//! 5.3: the detailed health of the service, and its metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle_api::{Dependencies, DetailedHealth, HealthStatus};
use rekindle_core::{Store, StoreError};
use rekindle_testkit::ManualClock;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::exposition::Exposition;
use crate::support::{Reply, Setup, TestServer, read};
use rekindle_testkit::{FaultyStore, Outage};

async fn health(server: &TestServer) -> (StatusCode, DetailedHealth, Dependencies) {
    let reply = server.get("/health/detailed").await;
    let health: DetailedHealth = read(&reply);
    let dependencies = serde_json::from_value(health.dependencies.clone().into()).unwrap();
    (reply.status, health, dependencies)
}

/// Polls the detailed health until it has this status.
async fn comes(server: &TestServer, wanted: HealthStatus) -> (StatusCode, DetailedHealth, Dependencies) {
    let began = Instant::now();
    loop {
        let found = health(server).await;
        if found.1.status == wanted {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn test_5_3_a_the_process_answers() {
    let server = TestServer::start().await;
    let reply = Reply::of(server.bare(Method::GET, "/health")).await.expect(StatusCode::OK);
    assert_eq!(reply.text("status"), "ok");
    assert!(reply.field("uptime").as_f64().unwrap() > 0.0);
    server.stop().await;
}

#[tokio::test]
async fn test_5_3_b_the_database_is_connected() {
    let server = Setup::new().set("ENVIRONMENT", "staging").layered().start().await;
    let (status, health, dependencies) = comes(&server, HealthStatus::Ok).await;
    assert_eq!(status, StatusCode::OK);
    let database = &dependencies.database;
    assert!(
        database.connected && database.response_time_ms < 5000.0 && database.response_time_ms > 0.0,
        "{database:?}"
    );
    assert_eq!(database.circuit.as_ref().unwrap().state, "closed");
    assert_eq!((health.version.as_str(), health.environment.as_str()), (env!("CARGO_PKG_VERSION"), "staging"));
    assert!(health.uptime > 0.0);
    let names: Vec<_> = dependencies.background_jobs.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["detector", "retention"]);
    // The names and the order of the fields are those of the requirements.
    let body = server.get("/health/detailed").await.json();
    let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    for field in ["status", "timestamp", "uptime", "dependencies", "version", "environment"] {
        assert!(fields.contains(&field), "{field} in {fields:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn test_5_3_b_it_needs_a_key() {
    let server = TestServer::start().await;
    for path in ["/health/detailed", "/metrics"] {
        let reply = Reply::of(server.bare(Method::GET, path)).await;
        reply.error(StatusCode::UNAUTHORIZED, "api_key_required");
    }
    server.stop().await;
}

#[tokio::test]
async fn test_5_3_b_the_last_detection_pass_is_shown() {
    let server = TestServer::start().await;
    let began = Instant::now();
    loop {
        let (_, _, dependencies) = health(&server).await;
        if dependencies.background_jobs.last_run.is_some() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{dependencies:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn test_5_3_c_a_database_out_of_reach_is_an_error() {
    let server = Setup::new().layered().start().await;
    comes(&server, HealthStatus::Ok).await;
    // As with a store that has failed for good.
    server.tracker.store().close().await;
    let (status, health, dependencies) = comes(&server, HealthStatus::Error).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health.status, HealthStatus::Error);
    assert_eq!((dependencies.database.status, dependencies.database.connected), (HealthStatus::Error, false));
    assert!(dependencies.database.message.is_some());
    Reply::of(server.bare(Method::GET, "/health")).await.expect(StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn test_5_3_d_five_active_sessions_are_counted() {
    let server = Setup::new().layered().start().await;
    for n in 0..5 {
        server.session(&format!("p{n}"), "m").await;
    }
    let reply = server.get("/metrics").await.expect(StatusCode::OK);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let page = Exposition::read(std::str::from_utf8(&reply.body).unwrap());
    assert_eq!(page.get("active_sessions_count", &[]), Some(5.0));
    assert_eq!(page.get("stalled_sessions_count", &[]), Some(0.0));
    let labels = [("endpoint", "/api/sessions"), ("method", "POST"), ("status", "201")];
    assert_eq!(page.get("api_requests_total", &labels), Some(5.0));
    server.stop().await;
}

#[tokio::test]
async fn test_5_3_f_jobs_without_a_pass_for_sixteen_minutes_are_reported() {
    let (store, clock) = (Arc::new(FaultyStore::default()), Arc::new(ManualClock::default()));
    let setup = Setup::new().clock(&clock).store(Arc::clone(&store) as Arc<dyn Store>);
    let server = setup.start().await;
    comes(&server, HealthStatus::Ok).await;
    // The jobs cannot finish any pass, while the database still answers pings.
    store.set(Some(Outage::Fails(StoreError::Unavailable("as the test wants it".to_owned()))));
    clock.advance(Duration::from_secs(16 * 60));
    let (status, health, dependencies) = comes(&server, HealthStatus::Degraded).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(health.status, HealthStatus::Degraded);
    assert_eq!(dependencies.background_jobs.status, HealthStatus::Degraded);
    assert_eq!(dependencies.database.status, HealthStatus::Ok);
    assert!(dependencies.background_jobs.message.unwrap().contains("960 s"));
    store.set(None);
    comes(&server, HealthStatus::Ok).await;
    assert_eq!(server.get("/health").await.field("status"), json!("ok"));
    server.stop().await;
}
