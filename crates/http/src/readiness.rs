//! Whether the store can serve, asked at most once a second: anybody may ask for `/ready`, and the store answers only
//! after a durable write.

use std::time::{Duration, Instant};

use rekindle_core::{Store, StoreError};
use tokio::sync::Mutex;

/// How long an answer stands.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// The store's last answer.
#[derive(Debug, Default)]
pub struct Readiness {
    last: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Readiness {
    /// Whether this store can serve. Those who ask at once wait for one answer.
    ///
    /// # Errors
    /// Why not.
    pub async fn of(&self, store: &dyn Store) -> Result<(), StoreError> {
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
