//! The pauses between attempts: twice as long each time up to a bound, and shortened at random so that rivals part.

use std::time::Duration;

/// A sequence of pauses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The longest pause after the first attempt.
    first: Duration,
    /// The longest pause after any attempt.
    longest: Duration,
    /// The share of a pause that chance may take off, from 0 to 1.
    jitter: f64,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration, jitter: f64) -> Self {
        Self { first, longest, jitter }
    }

    /// Returns the pause after an attempt; attempts count from 1.
    pub(crate) fn pause(self, attempt: u32) -> Duration {
        self.bound(attempt).mul_f64(1.0 - fastrand::f64() * self.jitter)
    }

    fn bound(self, attempt: u32) -> Duration {
        let factor = 2_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

#[cfg(test)]
mod tests;
