//! Queries about tasks.

use super::{TypedQuery, by_id, newest_first};
use crate::domain::task::{Task, TaskStatus};
use crate::store::Versioned;
use crate::store::lists::{Page, PageRequest, TaskFilter};
use crate::store::query::{Query, Selection};
use crate::values::{SessionId, TaskId};

/// Finds the task with this id; `None` if there is none.
pub fn task(id: TaskId) -> TypedQuery<Option<Versioned<Task>>> {
    by_id("task", id)
}

/// Finds the tasks of a session in these statuses, in the order of their creation.
pub fn tasks_of(session: SessionId, statuses: &[TaskStatus]) -> TypedQuery<Vec<Versioned<Task>>> {
    let tasks = Selection::by_index::<Task>("session_status")
        .is("session_id", session)
        .is_one_of("status", statuses.iter().map(|status| status.as_str()));
    TypedQuery::new(Query::new("tasks_of", vec![tasks], Vec::new()), |mut found| found.entities())
}

/// Finds a page of tasks, newest first.
pub fn tasks(filter: &TaskFilter, page: PageRequest) -> TypedQuery<Page<Task>> {
    let index = match filter {
        TaskFilter { session_id: Some(_), .. } => "session",
        TaskFilter { project_id: Some(_), .. } => "project",
        TaskFilter { status: Some(_), .. } => "status",
        TaskFilter { .. } => "created",
    };
    let list = Selection::by_index::<Task>(index)
        .is_if_given("session_id", filter.session_id)
        .is_if_given("project_id", filter.project_id.clone())
        .is_if_given("status", filter.status.map(TaskStatus::as_str));
    newest_first("tasks", list, page, |task: &Task| task.created_at)
}
