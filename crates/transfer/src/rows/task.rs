//! The line of a task.

use rekindle_core::domain::task::TaskState;
use rekindle_core::{InvalidValue, Metadata, SessionId, Task, TaskId, Timestamp, Versioned};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::fields::{At, field, millis, optional, text, time};

/// The line of a task.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskRow {
    id: Uuid,
    version: At,
    session_id: Uuid,
    project_id: String,
    github_issue_id: Option<String>,
    name: String,
    state: StateRow,
    copied_from: Option<Uuid>,
    created_at: i64,
    updated_at: i64,
    metadata: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StateRow {
    Pending,
    InProgress { started_at: i64 },
    Blocked { started_at: Option<i64> },
    Completed { started_at: Option<i64>, at: i64 },
    Failed { started_at: Option<i64>, at: i64, error_message: String },
}

impl From<&Versioned<Task>> for TaskRow {
    fn from(Versioned { value, version }: &Versioned<Task>) -> Self {
        Self {
            id: value.id.0,
            version: (*version).into(),
            session_id: value.session_id.0,
            project_id: value.project_id.to_string(),
            github_issue_id: value.github_issue_id.as_ref().map(ToString::to_string),
            name: value.name.to_string(),
            state: StateRow::from(&value.state),
            copied_from: value.copied_from.map(|from| from.0),
            created_at: value.created_at.millis(),
            updated_at: value.updated_at.millis(),
            metadata: value.metadata.as_map().clone(),
        }
    }
}

impl From<&TaskState> for StateRow {
    fn from(state: &TaskState) -> Self {
        match state {
            TaskState::Pending => Self::Pending,
            TaskState::InProgress { started_at } => Self::InProgress { started_at: started_at.millis() },
            TaskState::Blocked { started_at } => Self::Blocked { started_at: millis(*started_at) },
            TaskState::Completed { started_at, at } => {
                Self::Completed { started_at: millis(*started_at), at: at.millis() }
            }
            TaskState::Failed { started_at, at, error_message } => Self::Failed {
                started_at: millis(*started_at),
                at: at.millis(),
                error_message: error_message.to_string(),
            },
        }
    }
}

impl StateRow {
    fn state(self) -> Result<TaskState, InvalidValue> {
        Ok(match self {
            Self::Pending => TaskState::Pending,
            Self::InProgress { started_at } => TaskState::InProgress { started_at: Timestamp::from_millis(started_at) },
            Self::Blocked { started_at } => TaskState::Blocked { started_at: time(started_at) },
            Self::Completed { started_at, at } => {
                TaskState::Completed { started_at: time(started_at), at: Timestamp::from_millis(at) }
            }
            Self::Failed { started_at, at, error_message } => TaskState::Failed {
                started_at: time(started_at),
                at: Timestamp::from_millis(at),
                error_message: text("error_message", error_message)?,
            },
        })
    }
}

impl TaskRow {
    /// Returns the task.
    pub(super) fn versioned(self) -> Result<Versioned<Task>, InvalidValue> {
        let value = Task {
            id: TaskId(self.id),
            session_id: SessionId(self.session_id),
            project_id: text("project_id", self.project_id)?,
            github_issue_id: optional("github_issue_id", self.github_issue_id)?,
            name: text("name", self.name)?,
            state: self.state.state()?,
            metadata: field("metadata", Metadata::new(self.metadata))?,
            copied_from: self.copied_from.map(TaskId),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        };
        Ok(Versioned { value, version: self.version.version()? })
    }
}
