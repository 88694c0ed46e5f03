//! Readiness of the store, checked at most once a second: `/ready` is public, and the check makes a durable write.

use std::time::{Duration, Instant};

use rekindle_core::{Store, StoreError};
use tokio::sync::Mutex;

/// How long a result is cached.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// The last result of the check.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Readiness {
    /// Checks whether the store can serve. Concurrent callers share one check.
    ///
    /// # Errors
    /// Fails with the error of the store.
    pub(crate) async fn of(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut last = self.last.lock().await;
        if let Some((asked, answer)) = &*last
            && asked.elapsed() < CACHE_TTL
        {
            return answer.clone();
        }
        let answer = store.ping().await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}
