//! The domain's invariants, for tests: [`rekindle_integrity`] over any store, with what is broken as sentences.

use rekindle_core::{Store, StoreError};
use rekindle_integrity::{self as check, CheckEvent, Severity};

/// What is broken, each in a sentence that names the rows; empty when all is well.
///
/// # Errors
/// The store's.
pub async fn check(store: &dyn Store) -> Result<Vec<String>, StoreError> {
    let mut broken = Vec::new();
    let mut hear = |news| {
        if let CheckEvent::Found(finding) = news
            && finding.rule.weight() == Severity::Broken
        {
            broken.push(finding.what);
        }
    };
    let checked = check::check(store, &mut hear).await?;
    broken.extend(checked.skipped);
    Ok(broken)
}

/// As [`check()`], for a test that goes on only when all is well.
///
/// # Panics
/// When anything is broken.
pub async fn assert_hold(store: &dyn Store) {
    let broken = check(store).await.unwrap();
    assert!(broken.is_empty(), "invariants are broken:\n  {}", broken.join("\n  "));
}
