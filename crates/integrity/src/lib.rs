//! The domain's invariants as a check over any store: it reads everything through the port, page by page, and reports
//! each violation as it finds it: what a crash, a race, a bug or a hand in the database broke.
//!
//! The store may be in use meanwhile. What only the comparison of several rows shows is therefore read again, with the
//! first row read before and after the others, before it is reported: a change under way is no finding.

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

/// Checks everything that a store holds. Its memory does not grow with what there is: some 40 MB at the most.
///
/// # Errors
/// The store's, other than [`StoreError::Corrupt`], which is a finding.
pub async fn check(
    store: &dyn Store,
    tell: &mut (dyn FnMut(CheckEvent) + Send),
) -> Result<IntegrityReport, StoreError> {
    let mut check = check::Check { store, tell, checked: IntegrityReport::default(), left_behind: HashSet::new() };
    check.sessions().await?;
    check.tasks().await?;
    check.machines().await?;
    // Last: it also says which copies there were that are gone by now.
    check.events().await?;
    Ok(check.checked)
}
