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

fn fixture() -> (ApiKeyCache, Tracker, Arc<ManualClock>) {
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
async fn configured_key_is_an_administrator_without_a_store() {
    let (cache, _, clock) = fixture();
    let identity = cache.identify(&headers(CONFIGURED), clock.now()).unwrap();
    assert_eq!((identity.role, identity.project), (Role::Admin, None));
    assert_eq!(identity.id, cache.identify(&headers(&CONFIGURED.to_uppercase()), clock.now()).unwrap().id);
}

#[tokio::test]
async fn unknown_key_is_not_rejected_before_the_first_read_of_the_store() {
    let (cache, tracker, clock) = fixture();
    assert_eq!(cache.identify(&headers(SECRET), clock.now()).unwrap_err().code, ErrorCode::StoreUnavailable);
    cache.refresh(&tracker).await.unwrap();
    assert_eq!(cache.identify(&headers(SECRET), clock.now()).unwrap_err().code, ErrorCode::ApiKeyInvalid);
}

#[tokio::test]
async fn stored_key_is_valid_until_it_expires_or_is_revoked() {
    let (cache, tracker, clock) = fixture();
    let made = tracker.api_keys().create(worker(Some(Duration::from_secs(10)))).await.unwrap();
    cache.refresh(&tracker).await.unwrap();
    let identity = cache.identify(&headers(SECRET), clock.now()).unwrap();
    let expected = Identity { id: made.value.id, role: Role::Worker, project: made.value.project_id };
    assert_eq!(identity, expected);
    clock.advance(Duration::from_secs(10));
    assert_eq!(cache.identify(&headers(SECRET), clock.now()).unwrap_err().code, ErrorCode::ApiKeyInvalid);

    let (cache, tracker, clock) = fixture();
    let made = tracker.api_keys().create(worker(None)).await.unwrap();
    tracker.api_keys().revoke(made.value.id).await.unwrap();
    cache.refresh(&tracker).await.unwrap();
    assert_eq!(cache.identify(&headers(SECRET), clock.now()).unwrap_err().code, ErrorCode::ApiKeyInvalid);
}

#[tokio::test]
async fn last_copy_is_used_while_the_store_is_unavailable() {
    let (cache, tracker, clock) = fixture();
    tracker.api_keys().create(worker(None)).await.unwrap();
    cache.refresh(&tracker).await.unwrap();
    tracker.store().close().await;
    cache.refresh(&tracker).await.unwrap_err();
    cache.identify(&headers(SECRET), clock.now()).unwrap();
}
