//! The lists that users page through. A list walks one index from its newest end; the filter's most selective
//! condition chooses the index, the others are checked on its entries.
//!
//! A page that begins at a cursor is read in two steps, each a plain search of the index: the rest of the cursor's
//! own millisecond, then everything earlier. One comparison of pairs would read that millisecond from its start.

use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::{Task, TaskStatus};
use rekindle_core::store::{MachineFilter, SessionFilter, TaskFilter};
use rekindle_records::Record;
use rusqlite::types::Value;

/// Which part of a list a statement reads. Its parameters follow those of the conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// From the newest. Parameters: limit, offset.
    Newest,
    /// Made in the cursor's millisecond, before it. Parameters: that time, the mark, limit.
    SameInstant,
    /// Made earlier than the cursor. Parameters: that time, limit.
    Earlier,
}

impl Part {
    /// All three.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Newest, Self::SameInstant, Self::Earlier];

    /// What is added to the conditions. The bound of the newest part excludes nothing: it makes the walk a search.
    const fn tail(self) -> &'static str {
        match self {
            Self::Newest => "created_at <= 9223372036854775807 ORDER BY created_at DESC, seq DESC LIMIT ? OFFSET ?",
            Self::SameInstant => "created_at = ? AND seq < ? ORDER BY created_at DESC, seq DESC LIMIT ?",
            Self::Earlier => "created_at < ? ORDER BY created_at DESC, seq DESC LIMIT ?",
        }
    }
}

/// A list: where it is read, and under which conditions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct List {
    columns: &'static str,
    table: &'static str,
    index: &'static str,
    conditions: Vec<&'static str>,
    /// The parameters of the conditions, in order.
    pub values: Vec<Value>,
    /// Says how many rows there are in all, with the same parameters as `values` unless it says otherwise.
    total: Total,
}

/// Where a list's total comes from.
#[derive(Debug, Clone, PartialEq)]
enum Total {
    /// Counted on the list's index.
    Counted,
    /// Kept by triggers: this statement, with these parameters.
    Kept(String, Vec<Value>),
}

impl List {
    fn of<R: Record>(index: &'static str) -> Self {
        let columns = super::statements::of::<R>().columns.as_str();
        Self {
            columns,
            table: R::DECLARATION.name,
            index,
            conditions: Vec::new(),
            values: Vec::new(),
            total: Total::Counted,
        }
    }

    fn with(&mut self, condition: &'static str, value: Option<Value>) {
        if let Some(value) = value {
            self.conditions.push(condition);
            self.values.push(value);
        }
    }

    /// The statement that reads a part of it.
    pub(crate) fn part(&self, part: Part) -> String {
        let mut sql = format!("SELECT {} FROM {} INDEXED BY {} WHERE ", self.columns, self.table, self.index);
        for condition in &self.conditions {
            sql.push_str(condition);
            sql.push_str(" AND ");
        }
        sql.push_str(part.tail());
        sql
    }

    /// The statement that says how many rows there are in all, and its parameters.
    pub(crate) fn total(&self) -> (String, &[Value]) {
        match &self.total {
            Total::Kept(sql, values) => (sql.clone(), values),
            Total::Counted => {
                let conditions = if self.conditions.is_empty() {
                    "created_at <= 9223372036854775807".to_owned()
                } else {
                    self.conditions.join(" AND ")
                };
                let sql = format!("SELECT count(*) FROM {} INDEXED BY {} WHERE {conditions}", self.table, self.index);
                (sql, &self.values)
            }
        }
    }
}

fn text(value: &impl ToString) -> Value {
    Value::Text(value.to_string())
}

/// The list of sessions that match.
pub(crate) fn sessions(filter: &SessionFilter) -> List {
    // A chain of recoveries is short; a machine's sessions are fewer than a project's, which may have many machines.
    let index = match filter {
        SessionFilter { lineage_id: Some(_), .. } => "sessions_lineage",
        SessionFilter { machine_id: Some(_), .. } => "sessions_machine",
        SessionFilter { project_id: Some(_), .. } => "sessions_project",
        SessionFilter { archived: Some(true), .. } => "sessions_archived",
        SessionFilter { status: Some(_), .. } => "sessions_status",
        SessionFilter { .. } => "sessions_created",
    };
    let mut list = List::of::<Session>(index);
    list.with("lineage_id = ?", filter.lineage_id.map(|id| Value::Blob(id.0.as_bytes().to_vec())));
    list.with("machine_id = ?", filter.machine_id.as_ref().map(text));
    list.with("project_id = ?", filter.project_id.as_ref().map(text));
    list.with("status = ?", filter.status.as_ref().map(text));
    match filter.archived {
        Some(true) => list.conditions.push("archived_at IS NOT NULL"),
        Some(false) => list.conditions.push("archived_at IS NULL"),
        None => {}
    }
    if filter.lineage_id.is_none() && filter.machine_id.is_none() && filter.project_id.is_none() {
        list.total = sessions_kept(filter);
    }
    list
}

fn sessions_kept(filter: &SessionFilter) -> Total {
    let mut values = Vec::new();
    let mut sql = "SELECT coalesce(sum(n), 0) FROM session_counts WHERE TRUE".to_owned();
    if let Some(status) = filter.status {
        sql.push_str(" AND status = ?");
        values.push(text(&status));
    }
    if let Some(archived) = filter.archived {
        sql.push_str(" AND archived = ?");
        values.push(Value::Integer(archived.into()));
    }
    Total::Kept(sql, values)
}

/// The list of tasks that match.
pub(crate) fn tasks(filter: &TaskFilter) -> List {
    let index = match filter {
        TaskFilter { session_id: Some(_), .. } => "tasks_session",
        TaskFilter { project_id: Some(_), .. } => "tasks_project",
        TaskFilter { status: Some(_), .. } => "tasks_status",
        TaskFilter { .. } => "tasks_created",
    };
    let mut list = List::of::<Task>(index);
    list.with("session_id = ?", filter.session_id.map(|id| Value::Blob(id.0.as_bytes().to_vec())));
    list.with("project_id = ?", filter.project_id.as_ref().map(text));
    list.with("status = ?", filter.status.as_ref().map(text));
    if filter.session_id.is_none() && filter.project_id.is_none() {
        list.total = tasks_kept(filter.status);
    }
    list
}

fn tasks_kept(status: Option<TaskStatus>) -> Total {
    match status {
        Some(status) => Total::Kept("SELECT n FROM task_counts WHERE status = ?".to_owned(), vec![text(&status)]),
        None => Total::Kept("SELECT sum(n) FROM task_counts".to_owned(), Vec::new()),
    }
}

/// The list of machines that match. There are thousands at most: they are counted.
pub(crate) fn machines(filter: &MachineFilter) -> List {
    let index = if filter.status.is_some() { "machines_status" } else { "machines_created" };
    let mut list = List::of::<Machine>(index);
    list.with("status = ?", filter.status.as_ref().map(text));
    list
}
