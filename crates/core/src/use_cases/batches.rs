//! The size of the batches of a pass over many rows.

use super::decide::RetryBudget;
use super::error::Error;

/// The batches of a pass over many rows, one commit each. They shrink when another request changes one of the rows
/// meanwhile, so that the other rows do not wait for it, and grow again after a commit.
pub(super) struct Batches {
    largest: u32,
    pub(super) size: u32,
    pub(super) budget: RetryBudget,
}

impl Batches {
    /// Returns batches that begin at their largest size.
    pub(super) fn of(largest: u32) -> Self {
        Self { largest, size: largest, budget: RetryBudget::default() }
    }

    /// Makes the next batch smaller, after one in which a row had changed. Fails with [`Error::Contended`] when the
    /// budget is used up.
    pub(super) fn shrink(&mut self) -> Result<(), Error> {
        self.size = (self.size / 4).max(1);
        self.budget.next().map(drop)
    }

    /// Makes the next batch larger, after one that was committed.
    pub(super) fn grow(&mut self) {
        self.size = (self.size * 2).min(self.largest);
        self.budget = RetryBudget::default();
    }
}
