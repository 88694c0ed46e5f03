//! The driver's errors as the port's: which rule a duplicate key speaks of, what surely was not written, and what is
//! worth another try. No text of an error shows a password: the driver's errors hold none, and the address is masked.

#![expect(clippy::wildcard_enum_match_arm, reason = "the driver has two dozen kinds of errors, and may get more")]

use mongodb::error::{
    Error, ErrorKind, NO_WRITES_PERFORMED, SYSTEM_OVERLOADED_ERROR, TRANSIENT_TRANSACTION_ERROR, WriteFailure,
};
use rekindle_core::store::{CommitError, StoreError, UniqueRule};

use crate::reads::ReadError;

impl From<ReadError> for StoreError {
    fn from(fault: ReadError) -> Self {
        match fault {
            ReadError::Driver(error) => nothing_written(&error),
            ReadError::Store(error) => error,
        }
    }
}

/// The server's error codes that mean something here.
pub mod code {
    /// The user lacks a right.
    pub const UNAUTHORIZED: i32 = 13;
    /// Wrong password or unknown user.
    pub const AUTHENTICATION_FAILED: i32 = 18;
    /// `maxTimeMS` ran out.
    pub const MAX_TIME_EXPIRED: i32 = 50;
    /// The write happened here, and was not confirmed by a majority in time.
    pub const WRITE_CONCERN_TIMEOUT: i32 = 64;
    /// Somebody else wrote the row at the same time.
    pub const WRITE_CONFLICT: i32 = 112;
    /// A validator refuses the document.
    pub const VALIDATION: i32 = 121;
    /// A unique index refuses the document.
    pub const DUPLICATE_KEY: i32 = 11000;
    /// The server cannot take this now, and did not begin with it: not a writable primary, or on its way up or down.
    pub const NOT_NOW: [i32; 8] = [10107, 13435, 10058, 11600, 11602, 13436, 189, 91];
    /// The network between servers failed half-way, or a limit of time did.
    pub const HALF_WAY: [i32; 6] = [6, 7, 89, 9001, 134, 262];
}

/// The code that the server gave, wherever it stands in the error.
pub fn code_of(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => many.write_errors.as_ref().and_then(|errors| errors.first()).map(|e| e.code),
        _ => None,
    }
}

/// An error of a call that wrote nothing: a read, or a transaction that was not committed.
pub fn nothing_written(error: &Error) -> StoreError {
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

/// An error of a single write, after the driver's own second attempt.
pub fn write_failed(error: &Error) -> StoreError {
    if is_ambiguous(error) { StoreError::Unknown(describe(error)) } else { nothing_written(error) }
}

/// Whether a write that failed like this may be in the database all the same.
pub fn is_ambiguous(error: &Error) -> bool {
    if error.contains_label(NO_WRITES_PERFORMED) {
        return false;
    }
    match &*error.kind {
        // The driver marks with this label what failed before a connection was ready.
        ErrorKind::Io(_) => !error.contains_label(SYSTEM_OVERLOADED_ERROR),
        ErrorKind::InvalidResponse { .. } | ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        // Said also of a connection that was taken away while a command was under way on it.
        ErrorKind::ConnectionPoolCleared { .. } => true,
        ErrorKind::Command(command) => {
            command.code == code::MAX_TIME_EXPIRED
                || command.code == code::WRITE_CONCERN_TIMEOUT
                || code::HALF_WAY.contains(&command.code)
                // A primary that steps down while it waits for the majority has written, and says the same.
                || code::NOT_NOW.contains(&command.code)
        }
        _ => false,
    }
}

/// Whether the same command may succeed if it is simply sent again: the network broke, or another server leads now.
pub fn is_passing(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. } => true,
        _ => code_of(error).is_some_and(|code| {
            code == code::WRITE_CONFLICT || code::NOT_NOW.contains(&code) || code::HALF_WAY.contains(&code)
        }),
    }
}

/// Whether a transaction that failed like this may be tried again from its beginning.
pub fn is_transient(error: &Error) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR)
}

/// Whether another attempt may get through: others were in the way. Two that make the same document by an upsert are, too.
pub fn is_retryable(error: &Error) -> bool {
    is_transient(error) || is_loss(error) || code_of(error) == Some(code::DUPLICATE_KEY)
}

/// What is said of a call that was given up because whoever was asked is lost.
pub const LOST: &str = "the server that was asked is lost";

/// Whether a call was given up for that reason.
pub fn is_loss(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::ConnectionAborted && io.to_string() == LOST)
}

/// What a unique index means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// The entity is there already.
    Exists,
    /// A rule about a set of sessions.
    Rule(UniqueRule),
}

/// Which unique index the server's message names: `E11000 duplicate key error collection: db.sessions index: NAME dup key: …`.
pub fn violation(message: &str) -> Option<Violation> {
    let (_, rest) = message.split_once(" index: ")?;
    match rest.split_ascii_whitespace().next()? {
        // A document of ours with that `_id`: the detector's note, or, once in an age, a mark made twice.
        "session_id_1" | "task_id_1" | "machine_id_1" | "_id_" => Some(Violation::Exists),
        "one_active" => Some(Violation::Rule(UniqueRule::ActivePerProjectAndMachine)),
        "one_per_slot" => Some(Violation::Rule(UniqueRule::LivePerSlot)),
        "one_successor" => Some(Violation::Rule(UniqueRule::Successor)),
        _ => None,
    }
}

/// A write error of one statement of a command, by its code and message.
pub fn refused(code: i32, message: &str) -> CommitError {
    match (code, violation(message)) {
        (code::DUPLICATE_KEY, Some(Violation::Exists)) => CommitError::Stale,
        (code::DUPLICATE_KEY, Some(Violation::Rule(rule))) => CommitError::UniqueViolation(rule),
        _ => CommitError::Failed(statement_refused(code, message)),
    }
}

/// The same where no unique index is in question.
pub fn statement_refused(code: i32, message: &str) -> StoreError {
    if code == code::VALIDATION {
        return StoreError::Corrupt(format!("a validator refuses what was to be stored: {message}"));
    }
    StoreError::Unavailable(format!("the server refused a write ({code}): {message}"))
}

/// A single write's error as a commit's.
pub fn commit_failed(error: &Error) -> CommitError {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(write)) => refused(write.code, &write.message),
        _ => CommitError::Failed(write_failed(error)),
    }
}

/// The error in one line, without the driver's own framing where the server said something.
pub fn describe(error: &Error) -> String {
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
