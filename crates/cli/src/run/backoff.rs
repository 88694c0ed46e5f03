//! How long to wait: longer after each failure, and never at the same moment as everybody else.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(5);

/// Waits that grow.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    /// At most as long as this, and five seconds.
    pub(crate) fn up_to(cap: Duration) -> Self {
        Self { next: FIRST, cap: CAP.min(cap) }
    }

    /// The next wait: half of it is chance.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.next.min(self.cap);
        self.next = whole * 2;
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// All is well: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
    }
}

/// A fifth shorter at most: early is never wrong, late may be.
pub(crate) fn within_a_fifth(span: Duration) -> Duration {
    span.mul_f64(0.8 + fastrand::f64() / 5.0)
}

#[cfg(test)]
mod tests;
