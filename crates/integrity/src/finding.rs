//! The finding of a check.

use crate::rule::Rule;

/// A broken rule, or a fact that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks.
    pub rule: Rule,
    /// The ids of the rows concerned, the most important first.
    pub ids: Vec<String>,
    /// The finding in one sentence that names the rows.
    pub what: String,
}

impl Finding {
    pub(crate) fn of(rule: Rule, ids: &[&dyn ToString], what: String) -> Self {
        Self { rule, ids: ids.iter().map(|id| id.to_string()).collect(), what }
    }
}
