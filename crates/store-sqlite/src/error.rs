//! SQLite's errors as the port's: which rule a unique violation speaks of, and what surely was not written.

use rekindle_core::store::{CommitError, StoreError, UniqueRule};
use rekindle_records::Field;
use rusqlite::{Error, ErrorCode, ffi};

use crate::sql::kinds::Kinds;

/// An error of a statement that read, or that was rolled back: nothing was written.
pub(crate) fn not_written(error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(error.to_string()),
        // A value of ours that the schema does not admit is a fault of the program, not of the disk.
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
            StoreError::Corrupt(format!("the schema refuses what was to be stored: {error}"))
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable(format!("another program holds the database: {error}"))
        }
        Some(ErrorCode::DiskFull) => {
            StoreError::Unavailable(format!("the disk or the quota is full; make room: {error}"))
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// An error of COMMIT itself.
pub(crate) fn commit_failed(error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        // Neither gets as far as the frame that makes a commit count.
        Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull) => not_written(error),
        // The log may hold the whole commit although its sync failed.
        _ => StoreError::Unknown(format!("COMMIT failed: {error}")),
    }
}

/// What a unique violation means, by the columns that SQLite names.
pub(crate) fn violation(kinds: &Kinds, error: &Error) -> Option<Violation> {
    let Error::SqliteFailure(cause, Some(message)) = error else { return None };
    if cause.extended_code != ffi::SQLITE_CONSTRAINT_UNIQUE && cause.extended_code != ffi::SQLITE_CONSTRAINT_PRIMARYKEY
    {
        return None;
    }
    let (_, columns) = message.rsplit_once(": ")?;
    kinds.all().map(|kind| kind.declaration).find_map(|declaration| {
        let is = |fields: &[&Field]| {
            let names: Vec<_> = fields.iter().map(|field| format!("{}.{}", declaration.name, field.name)).collect();
            columns == names.join(", ")
        };
        if declaration.key.is_some_and(|key| is(&[key])) {
            return Some(Violation::Exists);
        }
        declaration.unique.iter().find(|set| is(set.fields)).map(|set| Violation::Rule(set.rule))
    })
}

/// Which kind of unique index was violated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The entity is there already.
    Exists,
    /// A rule about a set of sessions.
    Rule(UniqueRule),
}

/// An error of a write within a commit, which is then undone.
pub(crate) fn write_failed(kinds: &Kinds, error: &Error) -> CommitError {
    match violation(kinds, error) {
        Some(Violation::Exists) => CommitError::Stale,
        Some(Violation::Rule(rule)) => CommitError::UniqueViolation(rule),
        None => CommitError::Failed(not_written(error)),
    }
}

#[cfg(test)]
mod tests;
