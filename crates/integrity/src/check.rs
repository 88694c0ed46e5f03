//! The state of a check: what it has read and found so far, and how it reports.

use std::collections::HashSet;

use rekindle_core::store::{Store, StoreError};
use rekindle_core::values::{SessionId, TaskId};

use crate::finding::Finding;
use crate::report::{CheckEvent, IntegrityReport, Part, Progress};
use crate::rule::{Rule, Severity};

/// The number of rows that are read at once, and whose references are looked up at once.
pub(crate) const PAGE: u32 = 500;

/// The state of a check.
pub(crate) struct Check<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) tell: &'a mut (dyn FnMut(CheckEvent) + Send),
    pub(crate) checked: IntegrityReport,
    /// Tasks that a successor has no copy of, each with that successor. The events show whether the copy existed and
    /// was deleted.
    pub(crate) left_behind: HashSet<(SessionId, TaskId)>,
}

impl Check<'_> {
    pub(crate) fn found(&mut self, finding: Finding) {
        match finding.rule.weight() {
            Severity::Broken => self.checked.broken += 1,
            Severity::Noted => self.checked.noted += 1,
        }
        (self.tell)(CheckEvent::Found(finding));
    }

    pub(crate) fn all_found(&mut self, findings: Vec<Finding>) {
        findings.into_iter().for_each(|finding| self.found(finding));
    }

    pub(crate) fn progress(&mut self, part: Part, done: u64, of: Option<u64>) {
        (self.tell)(CheckEvent::Progress(Progress { part, done, of }));
    }

    pub(crate) fn skipped(&mut self, what: &str) {
        self.checked.skipped.push(what.to_owned());
    }

    /// Returns a page, or `None` if a row of it is corrupt. That is a finding, and the rows after it cannot be read.
    pub(crate) fn readable<T>(&mut self, part: Part, page: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match page {
            Ok(page) => Ok(Some(page)),
            Err(StoreError::Corrupt(what)) => {
                self.found(Finding::of(Rule::Readable, &[], what));
                self.skipped(&format!("the {} behind a row that makes no sense were not looked at", part.as_str()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
