//! Recovering a session: the original ends as completed, its unfinished work is copied into one successor.

use uuid::Uuid;

use super::next_update;
use super::termination::fail_in_progress;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::session::{Lineage, Live, LiveState, Phase, Session};
use crate::domain::task::{Task, TaskState, TaskStatus};
use crate::store::{Changes, Versioned};
use crate::values::{MachineId, SessionId, Slot, TaskId, Timestamp};

/// Why a task failed that was in progress when its session was recovered: it goes on in the successor.
pub const INTERRUPTED: &str = "the session was recovered while this task was in progress";

/// Whether the successor tries again what had failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailedTasks {
    /// Each gets a new pending task.
    #[default]
    Reset,
    /// They stay behind.
    Leave,
}

/// Where and how a session is to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The machine that takes over.
    pub new_machine_id: MachineId,
    /// The slot there.
    pub docker_slot: Option<Slot>,
    /// What becomes of failed tasks.
    pub failed_tasks: FailedTasks,
}

/// Appends the changes of a recovery and answers the successor. `tasks` are the original's unfinished and failed
/// tasks in the order in which they were recorded; `fresh` makes ids.
pub fn recover(
    changes: &mut Changes,
    original: &Versioned<Session>,
    tasks: Vec<Versioned<Task>>,
    recovery: &Recovery,
    successor_id: SessionId,
    fresh: &mut dyn FnMut() -> Uuid,
    now: Timestamp,
) -> Session {
    let successor = successor(&original.value, recovery, successor_id, now);
    let mut ended = original.value.clone();
    ended.supersede(now, successor_id);
    ended.updated_at = next_update(original.value.updated_at, now);
    // The original first: it gives up the slot that the successor may take.
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
            let copy = copied(&row.value, successor_id, TaskId(fresh()), now);
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

fn copied(task: &Task, session_id: SessionId, id: TaskId, now: Timestamp) -> Task {
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
