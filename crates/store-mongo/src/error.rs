//! The driver's errors as the port's: which rule a duplicate key violates, what surely was not written, and what may be
//! retried. No text of an error shows a password: the driver's errors hold none, and the address is masked.

#![expect(clippy::wildcard_enum_match_arm, reason = "the driver has two dozen kinds of errors, and may get more")]

use std::io;

use mongodb::error::{
    Error, ErrorKind, NO_WRITES_PERFORMED, SYSTEM_OVERLOADED_ERROR, TRANSIENT_TRANSACTION_ERROR, WriteFailure,
};
use rekindle_core::store::{CommitError, StoreError, UniqueRule};

use crate::indexes;
use crate::kinds::Kinds;

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// An error of the driver or the server.
    #[error(transparent)]
    Driver(#[from] Error),
    /// An error of the port already.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a read returns.
pub(crate) type ReadResult<T> = Result<T, ReadError>;

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Driver(error) => not_written(&error),
            ReadError::Store(error) => error,
        }
    }
}

/// The server's error codes that mean something here.
pub(crate) mod code {
    /// The user lacks a right.
    pub(crate) const UNAUTHORIZED: i32 = 13;
    /// The password is wrong or the user unknown.
    pub(crate) const AUTHENTICATION_FAILED: i32 = 18;
    /// `maxTimeMS` ran out.
    pub(crate) const MAX_TIME_EXPIRED: i32 = 50;
    /// The write happened on the primary, and no majority confirmed it in time.
    pub(crate) const WRITE_CONCERN_TIMEOUT: i32 = 64;
    /// Another write changed the row at the same time.
    pub(crate) const WRITE_CONFLICT: i32 = 112;
    /// A validator rejects the document.
    pub(crate) const VALIDATION: i32 = 121;
    /// A unique index rejects the document.
    pub(crate) const DUPLICATE_KEY: i32 = 11000;
    /// The server did not begin: it is no writable primary, or it is starting up or shutting down.
    pub(crate) const NOT_WRITABLE: [i32; 8] = [10107, 13435, 10058, 11600, 11602, 13436, 189, 91];
    /// The network between the servers, or a time limit, broke the command off.
    pub(crate) const INTERRUPTED: [i32; 6] = [6, 7, 89, 9001, 134, 262];
}

/// Returns the server's error code, wherever the error holds it.
pub(crate) fn code_of(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => many.write_errors.as_ref().and_then(|errors| errors.first()).map(|e| e.code),
        _ => None,
    }
}

/// Maps an error of a call that wrote nothing: a read, or a transaction that was not committed.
pub(crate) fn not_written(error: &Error) -> StoreError {
    match code_of(error) {
        Some(code::MAX_TIME_EXPIRED) => StoreError::TimedOut(describe(error)),
        Some(code::VALIDATION) => {
            StoreError::Corrupt(format!("a validator refuses what was to be stored: {}", describe(error)))
        }
        Some(code::UNAUTHORIZED | code::AUTHENTICATION_FAILED) => forbidden(error),
        _ => match &*error.kind {
            ErrorKind::Authentication { .. } => forbidden(error),
            ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. } => StoreError::Corrupt(describe(error)),
            _ => StoreError::Unavailable(describe(error)),
        },
    }
}

/// Maps an error of a single write, after the driver's own retry.
pub(crate) fn write_error(error: &Error) -> StoreError {
    if is_ambiguous(error) { StoreError::Unknown(describe(error)) } else { not_written(error) }
}

/// Returns whether a write with this error may have happened.
pub(crate) fn is_ambiguous(error: &Error) -> bool {
    if error.contains_label(NO_WRITES_PERFORMED) {
        return false;
    }
    match &*error.kind {
        // The driver sets this label when it failed before a connection was ready.
        ErrorKind::Io(_) => !error.contains_label(SYSTEM_OVERLOADED_ERROR),
        ErrorKind::InvalidResponse { .. } | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        // Also the error of a connection that was closed while a command was under way on it.
        ErrorKind::ConnectionPoolCleared { .. } => true,
        ErrorKind::Command(command) => {
            command.code == code::MAX_TIME_EXPIRED
                || command.code == code::WRITE_CONCERN_TIMEOUT
                || code::INTERRUPTED.contains(&command.code)
                // A primary that steps down while it waits for the majority has written, and fails with the same code.
                || code::NOT_WRITABLE.contains(&command.code)
        }
        _ => false,
    }
}

/// Returns whether the same command may succeed when it is sent again: the network failed, or the primary changed.
pub(crate) fn is_resendable(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => true,
        _ => code_of(error).is_some_and(|code| {
            code == code::WRITE_CONFLICT || code::NOT_WRITABLE.contains(&code) || code::INTERRUPTED.contains(&code)
        }),
    }
}

/// Returns whether a transaction with this error may be attempted again from its beginning.
pub(crate) fn is_transient(error: &Error) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}

/// Returns whether another attempt at a transaction may succeed. Two upserts of the same document conflict by a duplicate
/// key.
pub(crate) fn is_retryable(error: &Error) -> bool {
    is_transient(error) || is_primary_lost(error) || code_of(error) == Some(code::DUPLICATE_KEY)
}

/// The text of the error of a call whose reply is not waited for, since its server is primary no more.
pub(crate) const PRIMARY_LOST: &str = "the server that was asked is lost";

/// Returns the error of such a call.
pub(crate) fn primary_lost() -> Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, PRIMARY_LOST).into()
}

/// Returns whether this is [`primary_lost`].
pub(crate) fn is_primary_lost(error: &Error) -> bool {
    matches!(
        &*error.kind,
        ErrorKind::Io(io) if io.kind() == io::ErrorKind::ConnectionAborted && io.to_string() == PRIMARY_LOST
    )
}

/// What a duplicate key violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The entity exists already.
    Exists,
    /// A rule about a set of sessions.
    Rule(UniqueRule),
}

/// Returns the violation that the server's message names:
/// `E11000 duplicate key error collection: db.sessions index: NAME dup key: …`.
pub(crate) fn violation(kinds: &Kinds, message: &str) -> Option<Violation> {
    let (before, rest) = message.split_once(" index: ")?;
    let index = rest.split_ascii_whitespace().next()?;
    // A duplicate `_id` is the detector's state, a key, or the very rare collision of two ids.
    if index == indexes::IDS {
        return Some(Violation::Exists);
    }
    let collection = before.rsplit('.').next()?;
    let declaration = kinds.get(collection).ok()?.declaration();
    let unique = indexes::of_records(declaration).into_iter().any(|(_, found)| found.unique && found.name == index);
    unique.then(|| indexes::rule_of(declaration, index).map_or(Violation::Exists, Violation::Rule))
}

/// Maps the code and message of a statement of a commit that the server rejected.
pub(crate) fn rejected_commit(kinds: &Kinds, code: i32, message: &str) -> CommitError {
    match (code, violation(kinds, message)) {
        (code::DUPLICATE_KEY, Some(Violation::Exists)) => CommitError::Stale,
        (code::DUPLICATE_KEY, Some(Violation::Rule(rule))) => CommitError::UniqueViolation(rule),
        _ => CommitError::Failed(rejected_statement(code, message)),
    }
}

/// Maps the code and message of a rejected statement that cannot violate a unique rule.
pub(crate) fn rejected_statement(code: i32, message: &str) -> StoreError {
    if code == code::VALIDATION {
        return StoreError::Corrupt(format!("a validator refuses what was to be stored: {message}"));
    }
    StoreError::Unavailable(format!("the server refused a write ({code}): {message}"))
}

/// Maps the error of a commit that is a single write.
pub(crate) fn commit_error(kinds: &Kinds, error: &Error) -> CommitError {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(write)) => rejected_commit(kinds, write.code, &write.message),
        _ => CommitError::Failed(write_error(error)),
    }
}

/// Describes an error in one line, without the driver's framing of the server's words.
pub(crate) fn describe(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::Command(command) => format!("{} ({}): {}", command.code_name, command.code, command.message),
        kind => kind.to_string(),
    }
}

fn forbidden(error: &Error) -> StoreError {
    StoreError::Unavailable(format!("the database refuses this user: {}", describe(error)))
}

#[cfg(test)]
mod tests;
