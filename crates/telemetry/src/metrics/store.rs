//! Calls of the store and its batches.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Histogram};
use rekindle_layers::{Observation, Op, Outcome};

use super::names::{BATCH_SIZE, QUERY_DURATION, QUEUE_WAIT, STORE_CALLS};
use super::registry::Registry;

/// The series of the store's calls, each made when it is first needed.
pub(super) struct StoreCalls {
    /// In the order of [`Op::ALL`].
    operations: Vec<OfOperation>,
    waits: Histogram,
    sizes: Histogram,
}

#[derive(Default)]
struct OfOperation {
    took: OnceLock<Histogram>,
    /// In the order of [`Outcome::ALL`].
    ended: [OnceLock<Counter>; Outcome::ALL.len()],
}

impl StoreCalls {
    pub(super) fn new(registry: &Registry) -> Self {
        let operations = Op::ALL.iter().map(|_| OfOperation::default()).collect();
        Self { operations, waits: registry.histogram(&QUEUE_WAIT, &[]), sizes: registry.histogram(&BATCH_SIZE, &[]) }
    }

    pub(super) fn observed(&self, registry: &Registry, Observation { op, outcome, took }: Observation) {
        let Some(operation) = self.operations.get(op as usize) else { return };
        let histogram = operation.took.get_or_init(|| registry.histogram(&QUERY_DURATION, &[op.name()]));
        histogram.record(took.as_secs_f64() * 1000.0);
        if let Some(ended) = operation.ended.get(outcome as usize) {
            let make = || registry.counter(&STORE_CALLS, &[op.name(), outcome.as_str()]);
            ended.get_or_init(make).increment(1);
        }
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
    fn operations_and_outcomes_are_numbered_in_order() {
        assert!(Op::ALL.iter().enumerate().all(|(place, op)| *op as usize == place));
        assert!(Outcome::ALL.iter().enumerate().all(|(place, outcome)| *outcome as usize == place));
    }
}
