//! Measurements: tells an observer of each call what it was, how it ended and how long it took. What the observer makes of
//! it, a metric or a trace, is its own affair.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::layered::Layer;
use crate::operation::Op;
use crate::outcome::{Failure, Outcome};

/// A call that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// What was asked.
    pub op: Op,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// Is told of each call. It is told on the caller's path: it must be quick and must not block.
pub trait StoreObserver: Send + Sync + 'static {
    /// A call is over.
    fn observed(&self, observation: Observation);
}

impl<O: StoreObserver> StoreObserver for std::sync::Arc<O> {
    fn observed(&self, observation: Observation) {
        (**self).observed(observation);
    }
}

/// Nobody looks.
impl StoreObserver for () {
    fn observed(&self, _: Observation) {}
}

/// Tells an observer of each call.
#[derive(Debug, Clone)]
pub struct Measured<O> {
    observer: O,
}

impl<O: StoreObserver> Measured<O> {
    /// By this observer.
    pub fn by(observer: O) -> Self {
        Self { observer }
    }
}

/// Tells when it is dropped, so that a call that is cancelled or panics is seen as well.
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
