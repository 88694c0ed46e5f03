//! Lookups of the rows that others refer to, and the check of a task against its session.

use futures_util::stream::{self, StreamExt};
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::{Task, TaskStatus};
use rekindle_core::store::{StoreError, Versioned};
use rekindle_core::values::{ProjectId, SessionId, TaskId};

use crate::finding::Finding;
use crate::rule::Rule;

/// The number of concurrent lookups. It leaves room in the store's queue for other callers.
const CONCURRENT_LOOKUPS: usize = 32;

/// The part of a session that the check of its tasks needs.
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
    /// The session of the copy.
    pub(crate) of: SessionRef,
}

/// Returns the row that was looked up, if it exists. The outer `None` means that it is corrupt, which is reported where
/// rows of its kind are read.
pub(crate) fn known<T>(
    answer: Result<Option<Versioned<T>>, StoreError>,
) -> Result<Option<Option<Versioned<T>>>, StoreError> {
    match answer {
        Ok(row) => Ok(Some(row)),
        Err(StoreError::Corrupt(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns what a task breaks together with its session.
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

/// Looks up all keys, several at once. The results are in the order of `keys`.
pub(crate) async fn look_up_all<K, T, F>(keys: Vec<K>, look_up: impl FnMut(K) -> F) -> Vec<T>
where
    F: Future<Output = T>,
{
    stream::iter(keys).map(look_up).buffered(CONCURRENT_LOOKUPS).collect().await
}
