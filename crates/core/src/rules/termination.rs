//! The end of a session. One commit ends it, clears its current task and fails its tasks in progress.

use super::next_update;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::session::{Outcome, Session};
use crate::domain::task::{Task, TaskState};
use crate::store::{Changes, Versioned};
use crate::values::{ErrorMessage, Timestamp};

/// Appends the changes that end a session, and returns the ended session. `row` is the session as it was read, `next`
/// the session with all other changes made, `in_progress` its tasks in progress.
pub fn end(
    changes: &mut Changes,
    row: &Versioned<Session>,
    mut next: Session,
    in_progress: Vec<Versioned<Task>>,
    outcome: Outcome,
    now: Timestamp,
) -> Session {
    let (event, reason) = match &outcome {
        Outcome::Failed { error_message, .. } => (
            Event::new(now, EventKind::SessionFailed, Subject::Session(next.id))
                .with("error_message", error_message.as_str()),
            "the session failed while this task was in progress",
        ),
        Outcome::Completed | Outcome::Recovered(_) => (
            Event::new(now, EventKind::SessionCompleted, Subject::Session(next.id)),
            "the session was completed while this task was in progress",
        ),
    };
    next.end(now, outcome);
    next.updated_at = next_update(row.value.updated_at, now);
    changes.update(next.clone(), row.version);
    changes.events.push(event);
    fail_in_progress(changes, in_progress, reason, now);
    next
}

/// Appends the changes that fail these tasks, whose session ends in the same commit.
pub(crate) fn fail_in_progress(changes: &mut Changes, tasks: Vec<Versioned<Task>>, reason: &str, now: Timestamp) {
    for Versioned { value: mut task, version } in tasks {
        task.state =
            TaskState::Failed { started_at: task.started_at(), at: now, error_message: ErrorMessage::internal(reason) };
        task.updated_at = next_update(task.updated_at, now);
        let subject = Subject::Task(task.id, task.session_id);
        changes.events.push(Event::new(now, EventKind::TaskFailed, subject).with("error_message", reason));
        changes.update(task, version);
    }
}
