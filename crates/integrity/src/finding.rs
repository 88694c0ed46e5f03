//! What a check finds.

use crate::rule::Rule;

/// Something that is not as it must be, or that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks; says also what that means.
    pub rule: Rule,
    /// The ids of the rows concerned, the most relevant one first.
    pub ids: Vec<String>,
    /// What was found, in one sentence that names the rows.
    pub what: String,
}

impl Finding {
    pub(crate) fn of(rule: Rule, ids: &[&dyn ToString], what: String) -> Self {
        Self { rule, ids: ids.iter().map(|id| id.to_string()).collect(), what }
    }
}
