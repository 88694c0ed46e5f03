//! Repeats calls of the store that failed because a primary is elected or the database is busy. Only calls that wrote
//! nothing are repeated here; what follows an unknown outcome is decided by the import.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use rekindle_core::StoreError;

/// The number of retries. With the pauses in between they take half a minute.
const MAX_RETRIES: usize = 11;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(2500);

/// Returns the pauses between attempts. Jitter makes each of them up to twice as long, so that several processes do not
/// retry in step.
pub(crate) fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_max_times(MAX_RETRIES)
        .with_jitter()
}

/// Repeats a call of the store while it fails with an error that says that nothing was written.
///
/// # Errors
/// Fails with the store's last error.
pub(crate) async fn retried<T, F>(call: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    call.retry(backoff()).when(StoreError::says_nothing_was_written).await
}
