//! The domain's invariants as a check over any store: reads everything through the port, page by page, and tells of
//! each violation as it finds it. What a crash, a race, a bug or a hand in the database would break shows here.
//!
//! The store may be in use meanwhile. What only the comparison of several rows shows is therefore looked at again, with
//! the first row read before and after the others, before it is told: nobody is alarmed by a change under way.

mod duplicates;
mod events;
mod relations;
mod rows;
mod rule;
mod scan;
mod together;

use std::collections::HashSet;

pub use rule::{Rule, Severity};

use rekindle_core::store::{Store, StoreError};
use rekindle_core::values::{SessionId, TaskId};

/// As many rows are read at once, and looked up at once for what they refer to.
const PAGE: u32 = 500;

/// Something that is not as it must be, or that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks; says also what that means.
    pub rule: Rule,
    /// The ids of the rows concerned, the one to look at first.
    pub ids: Vec<String>,
    /// What was found, in one sentence that names the rows.
    pub what: String,
}

impl Finding {
    fn of(rule: Rule, ids: &[&dyn ToString], what: String) -> Self {
        Self { rule, ids: ids.iter().map(|id| id.to_string()).collect(), what }
    }
}

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

/// Checks everything that a store holds. Its memory does not grow with what there is: some 40 MB at the most.
///
/// # Errors
/// The store's, other than [`StoreError::Corrupt`], which is a finding.
pub async fn check(
    store: &dyn Store,
    tell: &mut (dyn FnMut(CheckEvent) + Send),
) -> Result<IntegrityReport, StoreError> {
    let mut check = Check { store, tell, checked: IntegrityReport::default(), left_behind: HashSet::new() };
    check.sessions().await?;
    check.tasks().await?;
    check.machines().await?;
    // Last: it also says which copies there were that are gone by now.
    check.events().await?;
    Ok(check.checked)
}

/// A check under way.
struct Check<'a> {
    store: &'a dyn Store,
    tell: &'a mut (dyn FnMut(CheckEvent) + Send),
    checked: IntegrityReport,
    /// Successors, each with a task of their original of which they have no copy: the events may know that they had.
    left_behind: HashSet<(SessionId, TaskId)>,
}

impl Check<'_> {
    fn found(&mut self, finding: Finding) {
        match finding.rule.weight() {
            Severity::Broken => self.checked.broken += 1,
            Severity::Noted => self.checked.noted += 1,
        }
        (self.tell)(CheckEvent::Found(finding));
    }

    fn all_found(&mut self, findings: Vec<Finding>) {
        findings.into_iter().for_each(|finding| self.found(finding));
    }

    fn progress(&mut self, part: Part, done: u64, of: Option<u64>) {
        (self.tell)(CheckEvent::Progress(Progress { part, done, of }));
    }

    fn skipped(&mut self, what: &str) {
        self.checked.skipped.push(what.to_owned());
    }
}
