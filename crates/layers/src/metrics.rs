//! Measurements: reports each call to an observer, with its operation, its outcome and its duration. The observer makes
//! a metric or a trace of it.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::layered::Layer;
use crate::operation::Op;
use crate::outcome::{Failure, Outcome};

/// A finished call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The operation.
    pub op: Op,
    /// The outcome.
    pub outcome: Outcome,
    /// The duration.
    pub took: Duration,
}

/// Observes calls, on the caller's path: an observer must be quick and must not block.
pub trait StoreObserver: Send + Sync + 'static {
    /// Observes a finished call.
    fn observed(&self, observation: Observation);
}

impl<O: StoreObserver> StoreObserver for std::sync::Arc<O> {
    fn observed(&self, observation: Observation) {
        (**self).observed(observation);
    }
}

/// Observes nothing.
impl StoreObserver for () {
    fn observed(&self, _: Observation) {}
}

/// Reports each call to an observer.
#[derive(Debug, Clone)]
pub struct Measured<O> {
    observer: O,
}

impl<O: StoreObserver> Measured<O> {
    /// Returns a layer that reports to this observer.
    pub fn by(observer: O) -> Self {
        Self { observer }
    }
}

/// Reports when it is dropped, so that a call that is cancelled or panics is reported as well.
struct UnderWay<'a, O: StoreObserver> {
    observer: &'a O,
    op: Op,
    began: Instant,
    outcome: Outcome,
}

impl<O: StoreObserver> Drop for UnderWay<'_, O> {
    fn drop(&mut self) {
        self.observer.observed(Observation { op: self.op, outcome: self.outcome, took: self.began.elapsed() });
    }
}

impl<O: StoreObserver> Layer for Measured<O> {
    async fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        asked: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let observer = &self.observer;
        let mut call = UnderWay { observer, op, began: Instant::now(), outcome: Outcome::Abandoned };
        let answer = asked.await;
        call.outcome = Outcome::of(&answer);
        answer
    }
}

#[cfg(test)]
mod tests;
