//! The outcomes of calls: for metrics, and for the circuit breaker, which distinguishes failures of the store from
//! answers.

use rekindle_core::StoreError;
use rekindle_core::store::CommitError;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It succeeded, also when nothing was found.
    Ok,
    /// A row of the commit had changed.
    Stale,
    /// A unique rule forbids the commit.
    Taken,
    /// The fence of the commit is not current.
    Fenced,
    /// The store was out of reach or could not write.
    Unavailable,
    /// Too many calls are waiting.
    Overloaded,
    /// The circuit is open.
    CircuitOpen,
    /// It took too long.
    TimedOut,
    /// It is unknown whether it was written.
    Unknown,
    /// The stored data is invalid.
    Corrupt,
    /// Its caller went away, or it panicked, before it ended.
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

    /// Returns the label.
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

    /// Returns the outcome of a result.
    pub fn of<T, E: Failure>(answer: &Result<T, E>) -> Self {
        answer.as_ref().map_or_else(Failure::outcome, |_| Self::Ok)
    }
}

/// An error of the port: a [`StoreError`], or that of a commit.
pub trait Failure: From<StoreError> + Send {
    /// Returns the outcome with this error.
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
