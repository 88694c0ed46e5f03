//! The commit of an import. It happens once, even if it is repeated.

use backon::Retryable;
use rekindle_core::store::{Changes, CommitError, UniqueRule};
use rekindle_core::{Store, StoreError};

use crate::error::TransferError;
use crate::retry::backoff;

/// Commits changes that carry a stored response. `what` names them in errors.
///
/// # Errors
/// Fails when the store is in use, was changed by others, or stays unavailable.
pub(super) async fn commit_once(store: &dyn Store, changes: Changes, what: &str) -> Result<(), TransferError> {
    let is_worth_repeating =
        |error: &CommitError| matches!(error, CommitError::Failed(failed) if !matches!(failed, StoreError::Corrupt(_)));
    let commit = || store.commit(changes.clone());
    match commit.retry(backoff()).when(is_worth_repeating).await {
        // The stored response exists: an earlier attempt, or an earlier run, committed it.
        Ok(_) | Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey)) => Ok(()),
        Err(CommitError::Fenced) => Err(TransferError::InUse),
        Err(error @ (CommitError::Stale | CommitError::UniqueViolation(_))) => {
            Err(TransferError::Disturbed(format!("{what}: {error}")))
        }
        Err(CommitError::Failed(error)) => Err(error.into()),
    }
}
