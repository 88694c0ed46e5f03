//! A task: one item of work of a session, and its state machine.

pub mod transition;

use crate::values::string_enum::string_enum;
use crate::values::{ErrorMessage, IssueId, Metadata, ProjectId, SessionId, TaskId, TaskName, Timestamp};

/// A task, without its version (see [`crate::store::Versioned`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The id, unique among all tasks.
    pub id: TaskId,
    /// The session that works on it.
    pub session_id: SessionId,
    /// The project of that session.
    pub project_id: ProjectId,
    /// The issue that it belongs to, if any.
    pub github_issue_id: Option<IssueId>,
    /// The description of the work.
    pub name: TaskName,
    /// Its state, with the data that belongs to it.
    pub state: TaskState,
    /// The client's own data.
    pub metadata: Metadata,
    /// The task of the recovered session that this one continues; `None` if it is not a carried-over task.
    pub copied_from: Option<TaskId>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of its last change.
    pub updated_at: Timestamp,
}

/// The state of a task, with the data that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskState {
    /// It was not started.
    Pending,
    /// The session works on it.
    InProgress {
        /// The time at which it was started.
        started_at: Timestamp,
    },
    /// Something prevents the work.
    Blocked {
        /// The time at which it was started, if it was.
        started_at: Option<Timestamp>,
    },
    /// It was completed.
    Completed {
        /// The time at which it was started, if that was reported.
        started_at: Option<Timestamp>,
        /// The time at which it was completed.
        at: Timestamp,
    },
    /// It failed, and the work has ended.
    Failed {
        /// The time at which it was started, if that was reported.
        started_at: Option<Timestamp>,
        /// The time at which it failed.
        at: Timestamp,
        /// The reason.
        error_message: ErrorMessage,
    },
}

string_enum! {
    /// The status of a task, as clients see it.
    pub enum TaskStatus {
        /// It was not started.
        Pending = "pending",
        /// The session works on it.
        InProgress = "in_progress",
        /// Something prevents the work.
        Blocked = "blocked",
        /// It was completed.
        Completed = "completed",
        /// It failed.
        Failed = "failed",
    }
}

impl Task {
    /// Returns the status that belongs to its state.
    pub fn status(&self) -> TaskStatus {
        match self.state {
            TaskState::Pending => TaskStatus::Pending,
            TaskState::InProgress { .. } => TaskStatus::InProgress,
            TaskState::Blocked { .. } => TaskStatus::Blocked,
            TaskState::Completed { .. } => TaskStatus::Completed,
            TaskState::Failed { .. } => TaskStatus::Failed,
        }
    }

    /// Returns the time at which it was started, if that was reported.
    pub fn started_at(&self) -> Option<Timestamp> {
        match self.state {
            TaskState::Pending => None,
            TaskState::InProgress { started_at } => Some(started_at),
            TaskState::Blocked { started_at }
            | TaskState::Completed { started_at, .. }
            | TaskState::Failed { started_at, .. } => started_at,
        }
    }

    /// Returns the time at which it was completed or failed; `None` in every other status.
    pub fn completed_at(&self) -> Option<Timestamp> {
        match self.state {
            TaskState::Pending | TaskState::InProgress { .. } | TaskState::Blocked { .. } => None,
            TaskState::Completed { at, .. } | TaskState::Failed { at, .. } => Some(at),
        }
    }

    /// Returns the reason of its failure; `None` in every other status.
    pub fn error_message(&self) -> Option<&ErrorMessage> {
        match &self.state {
            TaskState::Failed { error_message, .. } => Some(error_message),
            TaskState::Pending
            | TaskState::InProgress { .. }
            | TaskState::Blocked { .. }
            | TaskState::Completed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
