//! The size of the batches of a pass over many rows.

use super::decide::RetryBudget;
use super::error::Error;

/// Works through many rows, a batch a commit. When others change one of them meanwhile, the batches get smaller, so that
/// the rest need not wait for it; when one was committed, they grow again.
pub(super) struct Batches {
    largest: u32,
    pub(super) size: u32,
    pub(super) budget: RetryBudget,
}

impl Batches {
    /// Begins with batches of the largest size.
    pub(super) fn of(largest: u32) -> Self {
        Self { largest, size: largest, budget: RetryBudget::default() }
    }

    /// After a batch in which a row had changed.
    pub(super) fn shrink(&mut self) -> Result<(), Error> {
        self.size = (self.size / 4).max(1);
        self.budget.next().map(drop)
    }

    /// After a batch that was committed.
    pub(super) fn grow(&mut self) {
        self.size = (self.size * 2).min(self.largest);
        self.budget = RetryBudget::default();
    }
}
