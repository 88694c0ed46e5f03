//! What a check reports while it reads, and at its end.

use crate::finding::Finding;

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Sessions, each by itself and with its predecessor and successor.
    Sessions,
    /// Sessions once more, for the rules about sets of them.
    Sets,
    /// Tasks, with their sessions.
    Tasks,
    /// Machines.
    Machines,
    /// Events, with what they happened to.
    Events,
}

impl Part {
    /// As it is said to a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Sets => "sets of sessions",
            Self::Tasks => "tasks",
            Self::Machines => "machines",
            Self::Events => "events",
        }
    }
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being read.
    pub part: Part,
    /// How many rows of it were read.
    pub done: u64,
    /// How many there are, as far as that is known.
    pub of: Option<u64>,
}

/// What a check tells while it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckEvent {
    /// A page was read.
    Progress(Progress),
    /// Something was found.
    Found(Finding),
}

/// What a check read and found in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntegrityReport {
    /// Sessions read.
    pub sessions: u64,
    /// Tasks read.
    pub tasks: u64,
    /// Machines read.
    pub machines: u64,
    /// Events read.
    pub events: u64,
    /// Findings that break a rule.
    pub broken: u64,
    /// Findings that break none, and are worth knowing.
    pub noted: u64,
    /// What could not be looked at, each in a sentence. Empty: everything was.
    pub skipped: Vec<String>,
}

impl IntegrityReport {
    /// Whether everything was looked at, and no rule is broken.
    pub fn is_clean(&self) -> bool {
        self.broken == 0 && self.skipped.is_empty()
    }
}
