//! Readiness of the store, checked at most once a second: `/ready` is public, and the check makes a durable write.

use std::time::{Duration, Instant};

use rekindle_core::{Store, StoreError};
use tokio::sync::Mutex;

use crate::error::ApiError;

/// How long a result is cached.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// The last result of the check.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Readiness {
    /// Checks whether the store can serve.
    ///
    /// # Errors
    /// Fails with 503 for any reason, so that a load balancer chooses another server.
    pub(crate) async fn check(&self, store: &dyn Store) -> Result<(), ApiError> {
        self.ping(store).await.map_err(|error| match error {
            // These map to 503 with a message of their own.
            StoreError::CircuitOpen { .. } | StoreError::Overloaded(_) => error.into(),
            StoreError::Unavailable(_) | StoreError::TimedOut(_) | StoreError::Unknown(_) | StoreError::Corrupt(_) => {
                StoreError::Unavailable(error.to_string()).into()
            }
        })
    }

    /// Returns the cached result, or that of a new ping. Concurrent callers share one ping.
    async fn ping(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut last = self.last.lock().await;
        if let Some((checked_at, result)) = &*last
            && checked_at.elapsed() < CACHE_TTL
        {
            return result.clone();
        }
        let result = store.ping().await;
        *last = Some((Instant::now(), result.clone()));
        result
    }
}
