//! How long a job waits after a failure.

use std::time::Duration;

/// A pass that failed is tried again no later than this: silence does not wait for the store.
pub(crate) const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// Twice as long after each failure, up to a limit; anything from half of that, so that many do not come at once.
pub(crate) fn backoff(failures: u32, first: Duration, most: Duration) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(most).mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_up_to_its_limit_and_never_beyond() {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(1));
        for failures in 1..100 {
            let pause = backoff(failures, first, most);
            assert!(pause >= first / 2 && pause <= most, "{failures}: {pause:?}");
        }
    }
}
