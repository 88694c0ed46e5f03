//! The API inside another actix-web service, beside its own routes.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
use actix_web::{App, web};
use rekindle_core::{Policy, RandomIds, SystemClock, Tracker};
use rekindle_http::auth::ApiKeys;
use rekindle_http::cors::AllowedOrigins;
use rekindle_http::rate_limit::RateLimits;
use rekindle_http::{AppState, Limits, configure};
use rekindle_testkit::MemoryStore;
use serde_json::{Value, json};

/// The API key that is let in.
const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

#[tokio::test]
async fn another_service_mounts_it_beside_its_own_routes() {
    let store = Arc::new(MemoryStore::new());
    let tracker = Tracker::new(store, Arc::new(SystemClock), Arc::new(RandomIds), Policy::default());
    let api_keys = ApiKeys::new([KEY.parse().unwrap()]);
    let limits = Limits {
        api_keys,
        request_timeout: Duration::from_secs(5),
        max_body_bytes: 1 << 20,
        max_in_flight: 10,
        rate_limits: RateLimits { per_minute: 7, ..RateLimits::default() },
        allowed_origins: AllowedOrigins::default(),
    };
    let context = AppState::new(tracker, limits);
    let app =
        App::new().configure(|config| configure(config, &context)).route("/mine", web::get().to(|| async { "mine" }));
    let app = init_service(app).await;

    let mine = call_service(&app, TestRequest::get().uri("/mine").to_request()).await;
    assert_eq!(mine.status(), StatusCode::OK);
    assert!(!mine.headers().contains_key("x-request-id"), "its own routes are its own affair");
    let body = json!({ "project_id": "p", "machine_id": "m" });
    let create = TestRequest::post().uri("/api/sessions").insert_header(("X-API-Key", KEY)).set_json(&body);
    let created = call_service(&app, create.to_request()).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers().get("x-ratelimit-limit").unwrap(), "7");
    let session: Value = read_body_json(created).await;
    assert_eq!(session["project_id"], "p");
    let refused = call_service(&app, TestRequest::get().uri("/api/sessions").to_request()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let health = call_service(&app, TestRequest::get().uri("/health").to_request()).await;
    assert_eq!(health.status(), StatusCode::OK);
}
