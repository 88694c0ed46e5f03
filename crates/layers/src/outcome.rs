//! How a call ended, in one word: for metrics, and for the circuit breaker, which cares only whether the store is well.

use rekindle_core::StoreError;
use rekindle_core::store::CommitError;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was answered, if only with "there is none".
    Ok,
    /// A commit met a row that had changed.
    Stale,
    /// A commit was forbidden by a unique rule.
    Taken,
    /// A commit's fence had fallen.
    Fenced,
    /// The store was out of reach or could not write.
    Unavailable,
    /// Too many calls waited.
    Overloaded,
    /// Nobody was asked.
    CircuitOpen,
    /// It took too long.
    TimedOut,
    /// Whether it was written is not known.
    Unknown,
    /// What is stored makes no sense.
    Corrupt,
    /// Its caller went away, or it panicked, before there was an answer.
    Abandoned,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Stale,
        Self::Taken,
        Self::Fenced,
        Self::Unavailable,
        Self::Overloaded,
        Self::CircuitOpen,
        Self::TimedOut,
        Self::Unknown,
        Self::Corrupt,
        Self::Abandoned,
    ];

    /// As a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stale => "stale",
            Self::Taken => "taken",
            Self::Fenced => "fenced",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::CircuitOpen => "circuit_open",
            Self::TimedOut => "timed_out",
            Self::Unknown => "unknown",
            Self::Corrupt => "corrupt",
            Self::Abandoned => "abandoned",
        }
    }

    /// Of an answer.
    pub fn of<T, E: Failure>(answer: &Result<T, E>) -> Self {
        answer.as_ref().map_or_else(Failure::outcome, |_| Self::Ok)
    }
}

/// An error of the port: a [`StoreError`], alone or in a commit's.
pub trait Failure: From<StoreError> + Send {
    /// In one word.
    fn outcome(&self) -> Outcome;
}

impl Failure for StoreError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Unavailable(_) => Outcome::Unavailable,
            Self::Overloaded(_) => Outcome::Overloaded,
            Self::CircuitOpen { .. } => Outcome::CircuitOpen,
            Self::TimedOut(_) => Outcome::TimedOut,
            Self::Unknown(_) => Outcome::Unknown,
            Self::Corrupt(_) => Outcome::Corrupt,
        }
    }
}

impl Failure for CommitError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Stale => Outcome::Stale,
            Self::UniqueViolation(_) => Outcome::Taken,
            Self::Fenced => Outcome::Fenced,
            Self::Failed(error) => error.outcome(),
        }
    }
}
