//! The upkeep that runs every second: it refreshes the API keys, writes refused requests to the audit log, and maintains
//! the metrics.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rekindle_core::Error;
use tokio::runtime::Handle;
use tracing::warn;

use crate::state::AppState;

/// The pause between two rounds of upkeep: a revoked key may remain valid that long.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The number of failed reads of the keys after which a warning is logged.
const STALE_KEYS: u32 = 10;

impl AppState {
    /// Starts the upkeep. It ends when the state is dropped. A second call does nothing, nor does a call outside of a
    /// runtime.
    pub fn spawn_upkeep(self: &Arc<Self>) {
        let already = self.has_upkeep.load(Ordering::Relaxed) || Handle::try_current().is_err();
        if already || self.has_upkeep.swap(true, Ordering::SeqCst) {
            return;
        }
        // Two tasks: slow writes must not delay the refresh, which would keep a revoked key valid.
        let state = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut failures: u32 = 0;
            while let Some(state) = state.upgrade() {
                match state.refresh_keys().await {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        failures = failures.saturating_add(1);
                        if failures.is_multiple_of(STALE_KEYS) {
                            warn!(cause = %error, failures, "The API keys could not be read; the last copy stands");
                        }
                    }
                }
                drop(state);
                tokio::time::sleep(UPKEEP_INTERVAL).await;
            }
        });
        let state = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(state) = state.upgrade() {
                state.flush_denied_log().await;
                state.handles.metrics.run_upkeep();
                drop(state);
                tokio::time::sleep(UPKEEP_INTERVAL).await;
            }
        });
    }

    /// Reads the API keys of the store anew.
    ///
    /// # Errors
    /// Fails with the error of the store.
    pub async fn refresh_keys(&self) -> Result<(), Error> {
        self.api_keys.refresh(&self.tracker).await
    }

    /// Writes the refused requests that are still in memory to the audit log.
    pub async fn flush_denied_log(&self) {
        self.denied_log.flush(&self.tracker, &self.handles.metrics).await;
    }
}
