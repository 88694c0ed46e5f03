//! The rules over several rows: a task and its session, a copy and its origin, a session and its predecessor and
//! successor. A violation is reported only if the rows did not change while they were read.

use std::collections::HashSet;

use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::{Task, TaskStatus};
use rekindle_core::rules::recovery::INTERRUPTED;
use rekindle_core::store::{FindTyped, StoreError, Versioned, queries};
use rekindle_core::values::{SessionId, TaskId};

use crate::check::Check;
use crate::finding::Finding;
use crate::lookup::{Copied, SessionRef, belongs, known, look_up_all};
use crate::rule::Rule;

/// The number of times that a row is read again because it changed meanwhile.
const MAX_REREADS: u32 = 20;
/// The largest number of tasks without a copy that are held until the events are read.
const MAX_PENDING: usize = 100_000;

impl Check<'_> {
    /// Checks a task again that seemed to break a rule, together with its session.
    pub(super) async fn task(&mut self, task: TaskId) -> Result<(), StoreError> {
        for _ in 0..MAX_REREADS {
            let Some(Some(before)) = known(self.store.read(queries::task(task)).await)? else { return Ok(()) };
            let Some(session) = known(self.store.read(queries::session(before.value.session_id)).await)? else {
                return Ok(());
            };
            let Some(Some(after)) = known(self.store.read(queries::task(task)).await)? else { return Ok(()) };
            if before.version == after.version {
                let session = session.as_ref().map(|row| SessionRef::from(&row.value));
                self.all_found(belongs(&after.value, session.as_ref()));
                return Ok(());
            }
        }
        self.skipped(&format!("task {task} changed each time it was looked at"));
        Ok(())
    }

    /// Checks copied tasks against their origins. The fields that are compared never change.
    pub(super) async fn origins(&mut self, copies: Vec<Copied>) -> Result<(), StoreError> {
        let store = self.store;
        let answers = look_up_all(copies, |copy| async move {
            let origin = store.read(queries::task(copy.origin)).await;
            (copy, origin)
        });
        for (copy, origin) in answers.await {
            // The origin may have been deleted, and its session with it.
            let Some(Some(origin)) = known(origin)? else { continue };
            let (id, from, of) = (copy.id, copy.origin, origin.value.session_id);
            if (Some(of), origin.value.project_id) != (copy.of.recovered_from, copy.project_id) {
                let what =
                    format!("task {id} is a copy of task {from} of session {of}, which its session does not continue");
                self.found(Finding::of(Rule::Copied, &[&id, &from], what));
            }
        }
        Ok(())
    }

    /// Checks sessions against their predecessors and successors, if these exist.
    pub(super) async fn relatives(&mut self, sessions: &[Versioned<Session>]) -> Result<(), StoreError> {
        let pairs = sessions.iter().flat_map(|row| {
            let session = &row.value;
            let before = session.lineage.recovered_from.map(|original| (original, session.id));
            let after = session.recovered_into().map(|successor| (session.id, successor));
            before.into_iter().chain(after)
        });
        let pairs: HashSet<(SessionId, SessionId)> = pairs.filter(|(one, other)| one != other).collect();
        let store = self.store;
        let answers = look_up_all(Vec::from_iter(pairs), |(original, successor)| async move {
            (store.read(queries::session(original)).await, store.read(queries::session(successor)).await)
        });
        for (original, successor) in answers.await {
            let (Some(Some(original)), Some(Some(successor))) = (known(original)?, known(successor)?) else { continue };
            let (original, successor) = (original.value, successor.value);
            if continues(&original, &successor).is_some()
                && let Some((original, successor)) = self.at_once(original.id, successor.id).await?
                && let Some(finding) = continues(&original, &successor)
            {
                self.found(finding);
            }
            if original.recovered_into() == Some(successor.id) {
                self.left_by(&original, &successor).await?;
            }
        }
        Ok(())
    }

    /// Reads two sessions as they were at one moment. Returns `None` if one is gone.
    pub(super) async fn at_once(
        &mut self,
        one: SessionId,
        other: SessionId,
    ) -> Result<Option<(Session, Session)>, StoreError> {
        for _ in 0..MAX_REREADS {
            let Some(Some(before)) = known(self.store.read(queries::session(one)).await)? else { return Ok(None) };
            let Some(Some(second)) = known(self.store.read(queries::session(other)).await)? else { return Ok(None) };
            let Some(Some(after)) = known(self.store.read(queries::session(one)).await)? else { return Ok(None) };
            if before.version == after.version {
                return Ok(Some((after.value, second.value)));
            }
        }
        self.skipped(&format!("session {one} changed each time it was looked at"));
        Ok(None)
    }

    /// Checks that every unfinished task of a recovered session was copied into its successor. A failed one may have
    /// been left behind on request, but not if the recovery itself interrupted it.
    async fn left_by(&mut self, original: &Session, successor: &Session) -> Result<(), StoreError> {
        let left = [TaskStatus::Pending, TaskStatus::InProgress, TaskStatus::Blocked, TaskStatus::Failed];
        let tasks = self.store.read(queries::tasks_of(original.id, &left)).await;
        let mut unfinished: Vec<TaskId> =
            readable(tasks)?.into_iter().filter(is_unfinished).map(|task| task.id).collect();
        if unfinished.is_empty() {
            return Ok(());
        }
        let copies = self.store.read(queries::tasks_of(successor.id, &TaskStatus::ALL)).await;
        let copies: HashSet<_> = readable(copies)?.into_iter().filter_map(|task| task.copied_from).collect();
        unfinished.retain(|task| !copies.contains(task));
        if self.left_behind.len() + unfinished.len() > MAX_PENDING {
            self.skipped(&format!(
                "more than {MAX_PENDING} tasks seem to be left behind; of the others nothing is told"
            ));
            return Ok(());
        }
        self.left_behind.extend(unfinished.into_iter().map(|task| (successor.id, task)));
        Ok(())
    }

    /// Reports the tasks without a copy. Must be called after the events were read.
    pub(super) async fn report_orphans(&mut self) -> Result<(), StoreError> {
        let mut left: Vec<_> = std::mem::take(&mut self.left_behind).into_iter().collect();
        left.sort_unstable();
        for (successor, task) in left {
            // If one of them was deleted meanwhile, its events were deleted with it.
            let Some(Some(task)) = known(self.store.read(queries::task(task)).await)? else { continue };
            let Some(Some(_)) = known(self.store.read(queries::session(successor)).await)? else { continue };
            let (task, original) = (task.value.id, task.value.session_id);
            let what = format!("task {task} of session {original} was left behind by its successor {successor}");
            self.found(Finding::of(Rule::NothingLeftBehind, &[&task, &original, &successor], what));
        }
        Ok(())
    }
}

/// Returns the rows, or none if one is corrupt, which is reported where rows of its kind are read.
fn readable(tasks: Result<Vec<Versioned<Task>>, StoreError>) -> Result<Vec<Task>, StoreError> {
    match tasks {
        Ok(rows) => Ok(rows.into_iter().map(|row| row.value).collect()),
        Err(StoreError::Corrupt(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_unfinished(task: &Task) -> bool {
    match task.status() {
        TaskStatus::Pending | TaskStatus::Blocked | TaskStatus::InProgress => true,
        TaskStatus::Failed => task.error_message().is_some_and(|why| why.as_str() == INTERRUPTED),
        TaskStatus::Completed => false,
    }
}

/// Returns what a session and its successor break together.
fn continues(original: &Session, successor: &Session) -> Option<Finding> {
    let goes_on = successor.lineage.recovered_from == Some(original.id)
        && successor.lineage.id == original.lineage.id
        && successor.lineage.attempt == original.lineage.attempt.saturating_add(1)
        && successor.project_id == original.project_id;
    let (a, b) = (original.id, successor.id);
    let what = if !goes_on {
        format!("successor {b} does not continue the lineage of {a}")
    } else if original.recovered_into() != Some(b) {
        let into = original.recovered_into().map_or_else(|| "none".to_owned(), |id| id.to_string());
        format!("session {b} continues {a}, which names as its successor {into}")
    } else {
        return None;
    };
    Some(Finding::of(Rule::Lineage, &[&b, &a], what))
}
