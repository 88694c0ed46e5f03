//! How an attempt at a transaction fails.

use mongodb::error::Error;
use rekindle_core::store::CommitError;

/// Why an attempt at a transaction failed.
#[derive(Debug)]
pub(crate) enum TransactionError {
    /// Nothing was written, and another attempt would fail as well.
    Rejected(CommitError),
    /// The server or the network failed before the transaction was committed.
    Failed(Error),
    /// It is unknown whether the transaction was committed.
    UnknownOutcome(Error),
}

impl From<Error> for TransactionError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
