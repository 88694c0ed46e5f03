//! What a check reports: progress and findings while it reads, and totals at its end.

use crate::finding::Finding;

/// The part of the store that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Sessions, each by itself and with its predecessor and successor.
    Sessions,
    /// Sessions again, for the rules about sets of them.
    Sets,
    /// Tasks, with their sessions.
    Tasks,
    /// Machines.
    Machines,
    /// Events, with their subjects.
    Events,
}

impl Part {
    /// Returns the name of the part for people.
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

/// The progress of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The part that is being read.
    pub part: Part,
    /// The number of its rows that were read.
    pub done: u64,
    /// The number of its rows, if that is known.
    pub of: Option<u64>,
}

/// What a check reports while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckEvent {
    /// A page was read.
    Progress(Progress),
    /// Something was found.
    Found(Finding),
}

/// The totals of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntegrityReport {
    /// The number of sessions that were read.
    pub sessions: u64,
    /// The number of tasks that were read.
    pub tasks: u64,
    /// The number of machines that were read.
    pub machines: u64,
    /// The number of events that were read.
    pub events: u64,
    /// The number of findings that break a rule.
    pub broken: u64,
    /// The number of findings that break no rule.
    pub noted: u64,
    /// The parts that were not checked, each in a sentence. Empty if everything was checked.
    pub skipped: Vec<String>,
}

impl IntegrityReport {
    /// Whether everything was checked and no rule is broken.
    pub fn is_clean(&self) -> bool {
        self.broken == 0 && self.skipped.is_empty()
    }
}
