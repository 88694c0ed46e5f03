//! The domain's invariants as a check over any store. It reads everything through the port, page by page, and reports
//! each violation as it finds it, whether a crash, a race, a bug or a manual change caused it.
//!
//! The store may be in use meanwhile. A violation that only the comparison of several rows shows is read again before
//! it is reported, with the first row read before and after the others, so that a change in progress is not reported.

#![warn(missing_docs)]

mod check;
mod duplicates;
mod events;
mod finding;
mod lookup;
mod relations;
mod report;
mod rows;
mod rule;
mod scan;

use std::collections::HashSet;

use rekindle_core::store::{Store, StoreError};

pub use finding::Finding;
pub use report::{CheckEvent, IntegrityReport, Part, Progress};
pub use rule::{Rule, Severity};

/// Checks everything that a store holds. It needs at most about 40 MB of memory, whatever the store holds.
///
/// # Errors
/// Fails with the store's error, except [`StoreError::Corrupt`], which is a finding.
pub async fn check(
    store: &dyn Store,
    tell: &mut (dyn FnMut(CheckEvent) + Send),
) -> Result<IntegrityReport, StoreError> {
    let mut check = check::Check { store, tell, checked: IntegrityReport::default(), left_behind: HashSet::new() };
    check.sessions().await?;
    check.tasks().await?;
    check.machines().await?;
    // The events come last: they show which missing copies of tasks existed and were deleted.
    check.events().await?;
    Ok(check.checked)
}
