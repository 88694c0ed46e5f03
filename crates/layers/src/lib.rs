//! Layers round the store port, for every store and for services that embed the core: a circuit breaker, retries of
//! reads, measurements, and traces. A [`Layer`] is one small function round a call; [`Layered`] puts it round a whole
//! store. Layers are combined as tuples, the outermost first, and compiled into one; [`resilient`] combines the usual
//! three.

#![warn(missing_docs)]

mod breaker;
mod circuit;
mod layered;
mod metrics;
mod operation;
mod outcome;
mod retry;
mod tracing;

use std::sync::Arc;

pub use breaker::{Breaker, BreakerOptions, CircuitState, Health, Permit, Snapshot, Transition};
pub use circuit::CircuitBreaker;
pub use layered::{Layer, Layered};
pub use metrics::{Measured, Observation, StoreObserver};
pub use operation::{Kind, Op};
pub use outcome::{Failure, Outcome};
use rekindle_core::{Clock, Store};
pub use retry::{Retry, RetryOptions};
pub use tracing::{SPANS, Traced};

/// Returns a store behind the three layers with their default options, and its circuit breaker, for health and metrics.
///
/// From outside inwards: the circuit breaker, which counts a read once for all its attempts; the retries; the
/// measurements, which see each attempt that reaches the store.
pub fn resilient(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: impl StoreObserver,
) -> (Arc<dyn Store>, Arc<CircuitBreaker>) {
    let circuit = Arc::new(CircuitBreaker::new(BreakerOptions::default(), clock));
    let retry = Retry::new(RetryOptions::default()).unless_open(Arc::clone(&circuit));
    let layers = (Arc::clone(&circuit), retry, Measured::by(observer));
    (Arc::new(Layered::new(layers, store)), circuit)
}
