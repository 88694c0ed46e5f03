//! What is looked up of other rows, and how a task is judged with its session.

use futures_util::stream::{self, StreamExt};
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::{Task, TaskStatus};
use rekindle_core::store::{StoreError, Versioned};
use rekindle_core::values::{ProjectId, SessionId, TaskId};

use crate::finding::Finding;
use crate::rule::Rule;

/// How many rows are looked up at once: a store's queue has room for other callers, too.
const CONCURRENT_LOOKUPS: usize = 32;

/// What a task's judgement needs of its session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRef {
    pub(crate) is_live: bool,
    pub(crate) project_id: ProjectId,
    pub(crate) recovered_from: Option<SessionId>,
}

impl From<&Session> for SessionRef {
    fn from(session: &Session) -> Self {
        Self {
            is_live: session.status().is_live(),
            project_id: session.project_id.clone(),
            recovered_from: session.lineage.recovered_from,
        }
    }
}

/// A task that was copied from another.
pub(crate) struct Copied {
    pub(crate) id: TaskId,
    pub(crate) origin: TaskId,
    pub(crate) project_id: ProjectId,
    /// Its session.
    pub(crate) of: SessionRef,
}

/// The found row. `None` if it is corrupt, which the scan of its kind reports.
pub(crate) fn known<T>(
    answer: Result<Option<Versioned<T>>, StoreError>,
) -> Result<Option<Option<Versioned<T>>>, StoreError> {
    match answer {
        Ok(row) => Ok(Some(row)),
        Err(StoreError::Corrupt(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a task and its session break.
pub(crate) fn belongs(task: &Task, session: Option<&SessionRef>) -> Vec<Finding> {
    let (id, of) = (task.id, task.session_id);
    let mut found = Vec::new();
    let mut broken = |rule, what| found.push(Finding::of(rule, &[&id, &of], what));
    let Some(session) = session else {
        broken(Rule::TaskHasSession, format!("task {id} belongs to session {of}, which is gone"));
        return found;
    };
    if !session.is_live && task.status() == TaskStatus::InProgress {
        broken(Rule::Ended, format!("task {id} is in progress in ended session {of}"));
    }
    if task.project_id != session.project_id {
        let (theirs, its) = (&session.project_id, &task.project_id);
        broken(Rule::TaskProject, format!("task {id} is of project {its}, and its session {of} of {theirs}"));
    }
    found
}

/// Looks up all of these, several at once. The results are in the order of `keys`.
pub(crate) async fn look_up_all<K, T, F>(keys: Vec<K>, look_up: impl FnMut(K) -> F) -> Vec<T>
where
    F: Future<Output = T>,
{
    stream::iter(keys).map(look_up).buffered(CONCURRENT_LOOKUPS).collect().await
}
