//! Calls of the store and its batches.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram};
use rekindle_layers::{Observation, Op, Outcome};

use super::names::{BATCH_SIZE, QUERY_DURATION, QUEUE_WAIT, STORE_CALLS};
use super::registry::Registry;

/// The series of the store's calls, each made when it is first needed.
pub(super) struct StoreCalls {
    /// By the name of the operation.
    operations: RwLock<HashMap<&'static str, Arc<OfOperation>>>,
    waits: Histogram,
    sizes: Histogram,
}

struct OfOperation {
    took: Histogram,
    /// In the order of [`Outcome::ALL`].
    ended: [OnceLock<Counter>; Outcome::ALL.len()],
}

impl StoreCalls {
    pub(super) fn new(registry: &Registry) -> Self {
        let operations = RwLock::default();
        Self { operations, waits: registry.histogram(&QUEUE_WAIT, &[]), sizes: registry.histogram(&BATCH_SIZE, &[]) }
    }

    pub(super) fn observed(&self, registry: &Registry, Observation { op, outcome, took }: Observation) {
        let operation = self.operation(registry, op);
        operation.took.record(took.as_secs_f64() * 1000.0);
        if let Some(ended) = operation.ended.get(outcome as usize) {
            let make = || registry.counter(&STORE_CALLS, &[op.name(), outcome.as_str()]);
            ended.get_or_init(make).increment(1);
        }
    }

    fn operation(&self, registry: &Registry, op: Op) -> Arc<OfOperation> {
        let known = self.operations.read().unwrap_or_else(PoisonError::into_inner).get(op.name()).cloned();
        known.unwrap_or_else(|| {
            let mut operations = self.operations.write().unwrap_or_else(PoisonError::into_inner);
            let make = || OfOperation {
                took: registry.histogram(&QUERY_DURATION, &[op.name()]),
                ended: std::array::from_fn(|_| OnceLock::new()),
            };
            Arc::clone(operations.entry(op.name()).or_insert_with(|| Arc::new(make())))
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "no batch has as many writes as a float has digits")]
    pub(super) fn batch(&self, size: usize, waited: Duration) {
        self.sizes.record(size as f64);
        self.waits.record(waited);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_numbered_in_order() {
        assert!(Outcome::ALL.iter().enumerate().all(|(place, outcome)| *outcome as usize == place));
    }
}
