//! Retries: a read that failed because the store was unavailable is repeated soon, a few times, as long as few reads
//! need it. Writes are not repeated here, since the use cases repeat them. A read that timed out is not repeated
//! either, since that would take even longer.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rekindle_core::StoreError;
use tokio::time::{Instant, sleep, timeout};

use crate::circuit::CircuitBreaker;
use crate::layered::Layer;
use crate::operation::Op;
use crate::outcome::Failure;

/// The options of the retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// The most retries of one read.
    pub most: u32,
    /// The longest pause before the first retry; it doubles with each. The pause is random up to that, so that many
    /// retries do not coincide.
    pub first_pause: Duration,
    /// The total time after which a read is given up. Its first attempt takes as long as the store allows.
    pub in_all: Duration,
    /// The number of retries in reserve; beyond that there is one for every ten reads.
    pub burst: u32,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { most: 2, first_pause: Duration::from_millis(25), in_all: Duration::from_secs(1), burst: 10 }
    }
}

/// Repeats reads.
#[derive(Debug)]
pub struct Retry {
    options: RetryOptions,
    budget: Budget,
    circuit: Option<Arc<CircuitBreaker>>,
}

impl Retry {
    /// Returns retries with these options.
    pub fn new(options: RetryOptions) -> Self {
        Self { options, budget: Budget::new(options.burst), circuit: None }
    }

    /// Limits retries to the time in which this circuit is closed: a probe is one attempt, and a read that was under
    /// way when the circuit opened is not repeated.
    #[must_use]
    pub fn unless_open(self, circuit: Arc<CircuitBreaker>) -> Self {
        Self { circuit: Some(circuit), ..self }
    }

    fn is_let(&self) -> bool {
        self.circuit.as_ref().is_none_or(|circuit| circuit.is_closed())
    }

    /// Returns a random pause up to the longest one before this retry, the first of which is number 0.
    fn pause(&self, retry: u32) -> Duration {
        let longest = self.options.first_pause.saturating_mul(1 << retry.min(16));
        longest.mul_f64(fastrand::f64())
    }
}

impl Layer for Retry {
    fn call<T: Send, E: Failure>(
        &self,
        _: Op,
        asked: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        asked
    }

    async fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        _: Op,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError> {
        self.budget.earn();
        let began = Instant::now();
        let left = || self.options.in_all.saturating_sub(began.elapsed());
        let mut failed = match ask().await {
            Err(error @ StoreError::Unavailable(_)) => error,
            answer => return answer,
        };
        for retry in 0..self.options.most {
            let pause = self.pause(retry);
            if pause >= left() || !self.is_let() || !self.budget.spend() {
                break;
            }
            sleep(pause).await;
            if !self.is_let() {
                break;
            }
            match timeout(left(), ask()).await {
                Ok(Err(error @ StoreError::Unavailable(_))) => failed = error,
                Ok(answer) => return answer,
                Err(_) => break,
            }
        }
        Err(failed)
    }
}

/// The retries in reserve: each read earns a tenth of one, up to a limit. So of any `n` reads in a row at most that
/// limit and `n / 10` are repeated, and an outage is not made worse.
#[derive(Debug)]
struct Budget {
    tenths: AtomicU32,
    most: u32,
}

impl Budget {
    const RETRY: u32 = 10;

    fn new(burst: u32) -> Self {
        let most = burst.saturating_mul(Self::RETRY);
        Self { tenths: AtomicU32::new(most), most }
    }

    fn earn(&self) {
        // A full reserve is the usual case, and costs one read of an atomic.
        self.change(|tenths| (tenths < self.most).then_some(tenths + 1));
    }

    fn spend(&self) -> bool {
        self.change(|tenths| tenths.checked_sub(Self::RETRY))
    }

    fn change(&self, change: impl Fn(u32) -> Option<u32>) -> bool {
        self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

#[cfg(test)]
mod tests;
