//! Pauses between attempts: longer after each failure, and randomized so that clients do not retry in step.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(5);

/// A pause that grows with each failure.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    /// Returns a backoff that grows up to `cap`, at most five seconds.
    pub(crate) fn up_to(cap: Duration) -> Self {
        Self { next: FIRST, cap: CAP.min(cap) }
    }

    /// Returns the next pause. Half of it is random.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.next.min(self.cap);
        self.next = whole * 2;
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// Resets the pause after a success.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
    }
}

/// Shortens a span by up to a fifth at random. A heartbeat may come early but not late.
pub(crate) fn within_a_fifth(span: Duration) -> Duration {
    span.mul_f64(0.8 + fastrand::f64() / 5.0)
}

#[cfg(test)]
mod tests;
