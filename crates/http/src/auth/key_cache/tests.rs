//! Tests of `key_cache`.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use rekindle_core::use_cases::NewKey;
use rekindle_core::{Clock, Policy, RandomIds};
use rekindle_testkit::{ManualClock, MemoryStore};

use super::*;
use rekindle_api::ErrorCode;

const CONFIGURED: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
const SECRET: &str = "0b0e7c52-32f1-4d36-9d9c-3ad0f2b3a111";

fn headers(key: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(auth::API_KEY), HeaderValue::from_str(key).unwrap());
    headers
}

fn world() -> (ApiKeyCache, Tracker, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let tracker =
        Tracker::new(Arc::new(MemoryStore::new()), Arc::clone(&clock) as _, Arc::new(RandomIds), Policy::default());
    (ApiKeyCache::new(ApiKeys::new([CONFIGURED.parse().unwrap()])), tracker, clock)
}

fn worker(ttl: Option<Duration>) -> NewKey {
    NewKey {
        name: "ci".parse().unwrap(),
        secret: hash(SECRET.parse().unwrap()),
        role: Role::Worker,
        project_id: Some("p".parse().unwrap()),
        ttl,
    }
}

#[tokio::test]
async fn a_key_of_the_settings_is_an_administrator_without_any_store() {
    let (ring, _, clock) = world();
    let identity = ring.admit(&headers(CONFIGURED), clock.now()).unwrap();
    assert_eq!((identity.role, identity.project), (Role::Admin, None));
    assert_eq!(identity.id, ring.admit(&headers(&CONFIGURED.to_uppercase()), clock.now()).unwrap().id);
}

#[tokio::test]
async fn before_the_store_was_heard_nobody_is_called_wrong() {
    let (ring, tracker, clock) = world();
    assert_eq!(ring.admit(&headers(SECRET), clock.now()).unwrap_err().code, ErrorCode::StoreUnavailable);
    ring.refresh(&tracker).await.unwrap();
    assert_eq!(ring.admit(&headers(SECRET), clock.now()).unwrap_err().code, ErrorCode::ApiKeyInvalid);
}

#[tokio::test]
async fn a_handed_out_key_is_good_until_its_end_or_until_it_is_taken_away() {
    let (ring, tracker, clock) = world();
    let made = tracker.api_keys().create(worker(Some(Duration::from_secs(10)))).await.unwrap();
    ring.refresh(&tracker).await.unwrap();
    let identity = ring.admit(&headers(SECRET), clock.now()).unwrap();
    let expected = Identity { id: made.value.id, role: Role::Worker, project: made.value.project_id };
    assert_eq!(identity, expected);
    clock.advance(Duration::from_secs(10));
    assert_eq!(ring.admit(&headers(SECRET), clock.now()).unwrap_err().code, ErrorCode::ApiKeyInvalid);

    let (ring, tracker, clock) = world();
    let made = tracker.api_keys().create(worker(None)).await.unwrap();
    tracker.api_keys().revoke(made.value.id).await.unwrap();
    ring.refresh(&tracker).await.unwrap();
    assert_eq!(ring.admit(&headers(SECRET), clock.now()).unwrap_err().code, ErrorCode::ApiKeyInvalid);
}

#[tokio::test]
async fn the_last_copy_stands_while_the_store_is_away() {
    let (ring, tracker, clock) = world();
    tracker.api_keys().create(worker(None)).await.unwrap();
    ring.refresh(&tracker).await.unwrap();
    tracker.store().close().await;
    ring.refresh(&tracker).await.unwrap_err();
    ring.admit(&headers(SECRET), clock.now()).unwrap();
}
