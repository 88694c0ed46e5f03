//! The state machine of a task: what each event does in each status. `docs/state-machines.md` is generated from it.

use super::{Task, TaskState, TaskStatus};
use crate::domain::rejection::Rejection;
use crate::values::{ErrorMessage, Timestamp};

/// The events of a task's state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEvent {
    /// It becomes pending again.
    Reset,
    /// The session works on it.
    Start,
    /// Something prevents the work.
    Block,
    /// It is completed.
    Complete,
    /// It fails.
    Fail,
}

impl TaskEvent {
    /// Every event, in the order of their declaration.
    pub const ALL: [Self; 5] = [Self::Reset, Self::Start, Self::Block, Self::Complete, Self::Fail];

    const fn asks(self) -> &'static str {
        match self {
            Self::Reset => "become pending",
            Self::Start => "become in_progress",
            Self::Block => "become blocked",
            Self::Complete => "become completed",
            Self::Fail => "become failed",
        }
    }

    const fn only_from(self) -> &'static str {
        match self {
            Self::Reset => "blocked",
            Self::Start => "pending or blocked",
            Self::Block => "any status",
            Self::Complete | Self::Fail => "pending, in_progress or blocked",
        }
    }
}

/// The effect of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The task moves to another status.
    To(TaskStatus),
    /// The task is already in this status.
    Same,
    /// The event is not possible in this status.
    Illegal,
}

/// Returns what `event` does to a task in `status`.
pub const fn step(status: TaskStatus, event: TaskEvent) -> Step {
    use TaskEvent::{Block, Complete, Fail, Reset, Start};
    use TaskStatus::{Blocked, Completed, Failed, InProgress, Pending};
    match (status, event) {
        (Pending, Reset) | (InProgress, Start) | (Blocked, Block) | (Completed, Complete) | (Failed, Fail) => {
            Step::Same
        }
        (Blocked, Reset) => Step::To(Pending),
        (Pending | Blocked, Start) => Step::To(InProgress),
        (Pending | InProgress | Completed | Failed, Block) => Step::To(Blocked),
        (Pending | InProgress | Blocked, Complete) => Step::To(Completed),
        (Pending | InProgress | Blocked, Fail) => Step::To(Failed),
        (InProgress | Completed | Failed, Reset)
        | (Completed | Failed, Start)
        | (Completed, Fail)
        | (Failed, Complete) => Step::Illegal,
    }
}

/// A requested status, with the data that it needs.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskTarget {
    /// Not started.
    Pending,
    /// The session works on it.
    InProgress,
    /// Something prevents the work.
    Blocked,
    /// The work is done.
    Completed,
    /// The work failed, for this reason.
    Failed(ErrorMessage),
}

impl TaskTarget {
    const fn event(&self) -> TaskEvent {
        match self {
            Self::Pending => TaskEvent::Reset,
            Self::InProgress => TaskEvent::Start,
            Self::Blocked => TaskEvent::Block,
            Self::Completed => TaskEvent::Complete,
            Self::Failed(_) => TaskEvent::Fail,
        }
    }
}

impl Task {
    /// Returns the state after a request for `target` at `now`: the present state if the task already has that status.
    ///
    /// # Errors
    /// Fails with [`Rejection::InvalidTransition`] when the state machine does not allow the step.
    pub fn moved(&self, target: &TaskTarget, now: Timestamp) -> Result<TaskState, Rejection> {
        let event = target.event();
        match step(self.status(), event) {
            Step::Same => Ok(self.state.clone()),
            Step::Illegal => Err(Rejection::InvalidTransition {
                entity: "task",
                id: self.id.to_string(),
                from: self.status().as_str(),
                asked: event.asks(),
                only_from: event.only_from(),
            }),
            Step::To(_) => Ok(match target {
                TaskTarget::Pending => TaskState::Pending,
                // A task that was blocked after its start keeps its start time.
                TaskTarget::InProgress => TaskState::InProgress { started_at: self.started_at().unwrap_or(now) },
                TaskTarget::Blocked => TaskState::Blocked { started_at: self.started_at() },
                TaskTarget::Completed => TaskState::Completed { started_at: self.started_at(), at: now },
                TaskTarget::Failed(error_message) => {
                    TaskState::Failed { started_at: self.started_at(), at: now, error_message: error_message.clone() }
                }
            }),
        }
    }
}
