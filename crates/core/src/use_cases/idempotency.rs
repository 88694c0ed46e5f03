//! Idempotent requests: a request with an idempotency key stores its response in the commit that it causes, so that a
//! repetition gets that response and changes nothing.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::store::{IdempotencyKey, StoredResponse};
use crate::values::Timestamp;

type Encode = Box<dyn Fn(&dyn Any) -> Option<Box<[u8]>> + Send + Sync>;

/// One request that must take effect once.
pub struct IdempotentRequest {
    key: IdempotencyKey,
    request: [u8; 32],
    ttl: Duration,
    encode: Encode,
    stored: AtomicBool,
}

impl IdempotentRequest {
    /// Returns the request with this key and this hash of its content, whose response is stored for `ttl`. `encode`
    /// turns the result of the use case, a `T`, into the response; `None` if this result is not to be stored with the
    /// commit.
    pub fn new<T: Any>(
        key: IdempotencyKey,
        request: [u8; 32],
        ttl: Duration,
        encode: impl Fn(&T) -> Option<Box<[u8]>> + Send + Sync + 'static,
    ) -> Self {
        let encode: Encode = Box::new(move |answer| answer.downcast_ref::<T>().and_then(&encode));
        Self { key, request, ttl, encode, stored: AtomicBool::new(false) }
    }

    /// Returns whether its response was stored with a commit.
    pub fn is_stored(&self) -> bool {
        self.stored.load(Ordering::SeqCst)
    }

    pub(super) fn mark_stored(&self) {
        self.stored.store(true, Ordering::SeqCst);
    }

    pub(super) fn response_to(&self, answer: &dyn Any, now: Timestamp) -> Option<StoredResponse> {
        (self.encode)(answer).map(|response| self.stored_response(response, now))
    }

    pub(super) fn stored_response(&self, answer: Box<[u8]>, now: Timestamp) -> StoredResponse {
        StoredResponse { key: self.key, request: self.request, answer, at: now, until: now.plus(self.ttl) }
    }
}
