//! For the tests of query plans: every query of a catalogue as the commands that `explain` takes.

use bson::Document;
use rekindle_core::store::{AuditFilter, Query, StoreError};
use rekindle_records::Extension;

use crate::events::audit_query;
use crate::find::{CountPlan, Plan};
use crate::kinds::Kinds;
use crate::query;

/// A command, and the index that it names.
#[derive(Debug, Clone)]
pub struct ExplainedQuery {
    /// The command that `explain` takes.
    pub command: Document,
    /// The name of the index.
    pub index: String,
}

impl From<query::Query> for ExplainedQuery {
    fn from(query: query::Query) -> Self {
        Self { command: query.command(), index: query.hint }
    }
}

impl From<query::Count> for ExplainedQuery {
    fn from(count: query::Count) -> Self {
        Self { command: count.command(), index: count.hint }
    }
}

/// Returns the commands of a query: of its selections, and of its counts.
///
/// # Errors
/// Fails when the query names something that is not declared.
pub fn commands(query: &Query) -> Result<Vec<ExplainedQuery>, StoreError> {
    let kinds = Kinds::with(Extension::NONE);
    let mut all = Vec::new();
    for selection in query.selections() {
        all.extend(Plan::of(&kinds, selection)?.finds()?.into_iter().map(ExplainedQuery::from));
    }
    for counted in query.counts() {
        // A join is explained by its first stage, which another count of the query is.
        if let CountPlan::Count(count) = Plan::of(&kinds, &counted.of)?.count()? {
            all.push(count.into());
        }
    }
    Ok(all)
}

/// Returns the command that reads a part of the audit log.
pub fn audit_log(filter: &AuditFilter, before: Option<i64>, limit: u32) -> ExplainedQuery {
    audit_query(filter, before, limit).into()
}
