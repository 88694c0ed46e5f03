//! How a store fails, and the rules about sets of records that it enforces.

use std::time::Duration;

/// The rules about sets of rows that a store enforces by unique indexes. A put of a session that violates several is
/// reported with the first of them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueRule {
    /// One active session per project and machine.
    ActivePerProjectAndMachine,
    /// One live session per machine and slot.
    LivePerSlot,
    /// One successor per session.
    Successor,
    /// One unexpired response per idempotency key. It is checked before any write.
    IdempotencyKey,
    /// A rule of another crate's entities, by its name.
    Other(&'static str),
}

/// How a commit fails.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A row does not meet its condition. Nothing was written: the caller reads and decides again.
    #[error("a row changed since it was read")]
    Stale,
    /// A unique rule would be violated. Nothing was written.
    #[error("a unique rule forbids it: {0:?}")]
    UniqueViolation(UniqueRule),
    /// The fence is not current: another process holds the lease, or it was released. Nothing was written.
    #[error("another process has this duty now")]
    Fenced,
    /// The store failed.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// How a store fails. The text is for the log, not for clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store is out of reach or unable to write. Nothing was written.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Too many calls are waiting; this one was not begun. The store works, but is busy. Nothing was written.
    #[error("the store is overloaded: {0}")]
    Overloaded(String),
    /// The circuit breaker is open after repeated failures; this call was not begun. Nothing was written.
    #[error("the circuit to the store is open: it failed repeatedly and is asked again in {} ms", .retry_in.as_millis())]
    CircuitOpen {
        /// The time until the next call is let through; zero when that is imminent.
        retry_in: Duration,
    },
    /// A read timed out, or a write timed out before it began. Nothing was written.
    #[error("the store did not answer in time: {0}")]
    TimedOut(String),
    /// The outcome of a write is not known: it may have happened.
    #[error("the outcome of a write is unknown: {0}")]
    Unknown(String),
    /// The stored data is invalid.
    #[error("the store holds something that makes no sense: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Returns whether a call that fails with this error has written nothing.
    pub const fn says_nothing_was_written(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Overloaded(_) | Self::CircuitOpen { .. } | Self::TimedOut(_) => true,
            Self::Unknown(_) | Self::Corrupt(_) => false,
        }
    }
}
