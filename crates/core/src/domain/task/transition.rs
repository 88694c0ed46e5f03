//! The table of a task's states: what each event does in each status. `docs/state-machines.md` is made from it.

use super::{Task, TaskState, TaskStatus};
use crate::domain::rejection::Rejection;
use crate::values::{ErrorMessage, Timestamp};

/// What can happen to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEvent {
    /// It goes back to the start.
    Reset,
    /// Somebody works on it.
    Start,
    /// Something stands in its way.
    Block,
    /// It is done.
    Complete,
    /// It failed.
    Fail,
}

impl TaskEvent {
    /// Every event.
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

/// What the table answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The task moves to another status.
    To(TaskStatus),
    /// It is there already.
    Same,
    /// Not in this status.
    Illegal,
}

/// What `event` does to a task in `status`.
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

/// A status that somebody asks for, with what it needs.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskTarget {
    /// Back to the start.
    Pending,
    /// Being worked on.
    InProgress,
    /// Cannot go on.
    Blocked,
    /// Done.
    Completed,
    /// Failed, and why.
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
    /// The state after `target` was asked for at `now`: the present one if the task is there already.
    ///
    /// # Errors
    /// [`Rejection::InvalidTransition`].
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
                // A task that was blocked half-way goes on; it does not begin anew.
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
