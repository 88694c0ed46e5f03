//! The recovery of a session: the original ends as completed, and its unfinished tasks are copied into one successor.

use uuid::Uuid;

use super::next_update;
use super::termination::fail_in_progress;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::session::{Lineage, Live, LiveState, Phase, Session};
use crate::domain::task::{Task, TaskState, TaskStatus};
use crate::store::{Changes, Versioned};
use crate::values::{MachineId, SessionId, Slot, TaskId, Timestamp};

/// The error message of a task that was in progress when its session was recovered. Its copy continues in the
/// successor.
pub const INTERRUPTED: &str = "the session was recovered while this task was in progress";

/// What a recovery does with failed tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailedTasks {
    /// Each is copied into the successor as a pending task.
    #[default]
    Reset,
    /// They are not copied.
    Leave,
}

/// The options of a recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The machine of the successor.
    pub new_machine_id: MachineId,
    /// The slot that the successor takes on that machine, if any.
    pub docker_slot: Option<Slot>,
    /// What happens to failed tasks.
    pub failed_tasks: FailedTasks,
}

/// Appends the changes of a recovery and returns the successor. `tasks` are the original's unfinished and failed tasks
/// in the order of their creation; `new_id` makes the ids of their copies.
pub fn recover(
    changes: &mut Changes,
    original: &Versioned<Session>,
    tasks: Vec<Versioned<Task>>,
    recovery: &Recovery,
    successor_id: SessionId,
    new_id: &mut dyn FnMut() -> Uuid,
    now: Timestamp,
) -> Session {
    let successor = successor(&original.value, recovery, successor_id, now);
    let mut ended = original.value.clone();
    ended.supersede(now, successor_id);
    ended.updated_at = next_update(original.value.updated_at, now);
    // The original comes first: it gives up the slot that the successor may take.
    changes.update(ended, original.version);
    changes.insert(successor.clone());
    changes.events.push(
        Event::new(now, EventKind::SessionRecovered, Subject::Session(original.value.id))
            .with("recovered_into", successor_id.to_string()),
    );
    changes.events.push(
        Event::new(now, EventKind::SessionCreated, Subject::Session(successor_id))
            .with("recovered_from", original.value.id.to_string())
            .with("attempt", successor.lineage.attempt),
    );
    let mut interrupted = Vec::new();
    for row in tasks {
        if is_carried_over(row.value.status(), recovery.failed_tasks) {
            let copy = carried_over(&row.value, successor_id, TaskId(new_id()), now);
            changes.events.push(
                Event::new(now, EventKind::TaskCreated, Subject::Task(copy.id, successor_id))
                    .with("copied_from", row.value.id.to_string()),
            );
            changes.insert(copy);
        }
        if row.value.status() == TaskStatus::InProgress {
            interrupted.push(row);
        }
    }
    fail_in_progress(changes, interrupted, INTERRUPTED, now);
    successor
}

const fn is_carried_over(status: TaskStatus, failed: FailedTasks) -> bool {
    match (status, failed) {
        (TaskStatus::Pending | TaskStatus::Blocked | TaskStatus::InProgress, _)
        | (TaskStatus::Failed, FailedTasks::Reset) => true,
        (TaskStatus::Failed, FailedTasks::Leave) | (TaskStatus::Completed, _) => false,
    }
}

fn successor(original: &Session, recovery: &Recovery, id: SessionId, now: Timestamp) -> Session {
    Session {
        id,
        project_id: original.project_id.clone(),
        machine_id: recovery.new_machine_id.clone(),
        docker_slot: recovery.docker_slot,
        phase: Phase::Live(Live { state: LiveState::Active, current_task: None }),
        last_heartbeat: now,
        started_at: now,
        metadata: original.metadata.clone(),
        lineage: Lineage {
            id: original.lineage.id,
            attempt: original.lineage.attempt.saturating_add(1),
            recovered_from: Some(original.id),
        },
        created_at: now,
        updated_at: now,
    }
}

fn carried_over(task: &Task, session_id: SessionId, id: TaskId, now: Timestamp) -> Task {
    Task {
        id,
        session_id,
        project_id: task.project_id.clone(),
        github_issue_id: task.github_issue_id.clone(),
        name: task.name.clone(),
        state: TaskState::Pending,
        metadata: task.metadata.clone(),
        copied_from: Some(task.id),
        created_at: now,
        updated_at: now,
    }
}
