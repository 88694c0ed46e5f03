//! A task: one item of a project that a session works on. What it knows, and the table of its states.

pub mod transition;

use crate::values::string_enum::string_enum;
use crate::values::{ErrorMessage, IssueId, Metadata, ProjectId, SessionId, TaskId, TaskName, Timestamp};

/// A task, without its revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The session that works on it.
    pub session_id: SessionId,
    /// That session's project.
    pub project_id: ProjectId,
    /// The issue that it belongs to.
    pub github_issue_id: Option<IssueId>,
    /// What is to be done.
    pub name: TaskName,
    /// Where it stands.
    pub state: TaskState,
    /// The client's own data.
    pub metadata: Metadata,
    /// The task of the recovered session that this one continues.
    pub copied_from: Option<TaskId>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where a task stands, with what belongs to that state.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskState {
    /// Not begun.
    Pending,
    /// Being worked on.
    InProgress {
        /// Since when.
        started_at: Timestamp,
    },
    /// Cannot go on.
    Blocked {
        /// When it was begun, if it was.
        started_at: Option<Timestamp>,
    },
    /// Done.
    Completed {
        /// When it was begun, if anybody said so.
        started_at: Option<Timestamp>,
        /// When it was done.
        at: Timestamp,
    },
    /// Not done, and nobody works on it.
    Failed {
        /// When it was begun, if anybody said so.
        started_at: Option<Timestamp>,
        /// When it failed.
        at: Timestamp,
        /// Why.
        error_message: ErrorMessage,
    },
}

string_enum! {
    /// The five states that a task shows.
    pub enum TaskStatus {
        /// Not begun.
        Pending = "pending",
        /// Being worked on.
        InProgress = "in_progress",
        /// Cannot go on.
        Blocked = "blocked",
        /// Done.
        Completed = "completed",
        /// Not done.
        Failed = "failed",
    }
}

impl Task {
    /// Its status.
    pub fn status(&self) -> TaskStatus {
        match self.state {
            TaskState::Pending => TaskStatus::Pending,
            TaskState::InProgress { .. } => TaskStatus::InProgress,
            TaskState::Blocked { .. } => TaskStatus::Blocked,
            TaskState::Completed { .. } => TaskStatus::Completed,
            TaskState::Failed { .. } => TaskStatus::Failed,
        }
    }

    /// When it was begun, if anybody said so.
    pub fn started_at(&self) -> Option<Timestamp> {
        match self.state {
            TaskState::Pending => None,
            TaskState::InProgress { started_at } => Some(started_at),
            TaskState::Blocked { started_at }
            | TaskState::Completed { started_at, .. }
            | TaskState::Failed { started_at, .. } => started_at,
        }
    }

    /// When it was done, or failed.
    pub fn completed_at(&self) -> Option<Timestamp> {
        match self.state {
            TaskState::Pending | TaskState::InProgress { .. } | TaskState::Blocked { .. } => None,
            TaskState::Completed { at, .. } | TaskState::Failed { at, .. } => Some(at),
        }
    }

    /// Why it failed.
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
