//! The circuit breaker as a layer. While it is closed a call costs one read of an atomic and one of the clock; the
//! state machine behind its mutex is used only after a failure, or while the circuit is not closed.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rekindle_core::{Clock, StoreError};
use tracing::{info, warn};

use crate::breaker::{Breaker, BreakerOptions, Health, Permit, Snapshot, Transition};
use crate::layered::Layer;
use crate::operation::Op;
use crate::outcome::{Failure, Outcome};

/// Refuses calls of a store that keeps failing, and admits a probe now and then. Any call may be the probe, a `ping`
/// too: the readiness check closes the circuit of a server without other requests.
pub struct CircuitBreaker {
    clock: Arc<dyn Clock>,
    breaker: Mutex<Breaker>,
    /// The stamp of permits while the circuit is closed; [`NOT_CLOSED`] otherwise. Only reports change it, under the
    /// lock.
    closed: AtomicU64,
    opened: AtomicU64,
}

const NOT_CLOSED: u64 = 0;

impl CircuitBreaker {
    /// Returns a closed circuit.
    pub fn new(options: BreakerOptions, clock: Arc<dyn Clock>) -> Self {
        let breaker = Breaker::new(options);
        let closed = AtomicU64::new(closed_stamp(&breaker));
        Self { clock, breaker: Mutex::new(breaker), closed, opened: AtomicU64::new(0) }
    }

    /// Returns its state.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().snapshot(self.clock.now())
    }

    /// Returns whether every call is admitted.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) != NOT_CLOSED
    }

    /// Returns how often it opened.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    fn admit(&self) -> Result<PermitGuard<'_>, StoreError> {
        let closed = self.closed.load(Ordering::Acquire);
        let pass = if closed == NOT_CLOSED {
            // The clock is read under the lock, so that times and reports have one order.
            let admitted = self.lock().admit(self.clock.now());
            admitted.map_err(|retry_in| StoreError::CircuitOpen { retry_in })?
        } else {
            Permit::of(closed, self.clock.now())
        };
        Ok(PermitGuard { circuit: self, permit: pass, health: Health::Unknown })
    }

    fn report(&self, permit: Permit, health: Health) {
        // While it is closed only failures matter; the permit of a probe belongs to a round in which it is not.
        if health != Health::Failing && self.is_closed() {
            return;
        }
        let mut breaker = self.lock();
        let now = self.clock.now();
        let change = breaker.report(permit, health, now);
        self.closed.store(closed_stamp(&breaker), Ordering::Release);
        let next_probe_at = breaker.snapshot(now).next_probe_at;
        drop(breaker);
        let next_probe_at = next_probe_at.map(tracing::field::display);
        match change {
            None => {}
            Some(Transition::Opened) => {
                self.opened.fetch_add(1, Ordering::Relaxed);
                warn!(next_probe_at, "The circuit to the store is open: it failed repeatedly and is left alone");
            }
            Some(Transition::StaysOpen) => warn!(next_probe_at, "The circuit to the store stays open: it failed again"),
            Some(Transition::Closed { opened_at }) => {
                let open_ms = u64::try_from(now.since(opened_at).as_millis()).unwrap_or(u64::MAX);
                info!(open_ms, "The circuit to the store is closed again: it answers");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        // Each step of the state machine is complete or did not begin.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed_stamp(breaker: &Breaker) -> u64 {
    breaker.closed_stamp().unwrap_or(NOT_CLOSED)
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}

/// Reports when it is dropped: a call that is cancelled or panics must not block the next probe.
struct PermitGuard<'a> {
    circuit: &'a CircuitBreaker,
    permit: Permit,
    health: Health,
}

impl Drop for PermitGuard<'_> {
    fn drop(&mut self) {
        self.circuit.report(self.permit, self.health);
    }
}

impl Layer for CircuitBreaker {
    async fn call<T: Send, E: Failure>(&self, _: Op, asked: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
        let mut permit = self.admit()?;
        let answer = asked.await;
        permit.health = Outcome::of(&answer).into();
        answer
    }
}

#[cfg(test)]
mod tests;
