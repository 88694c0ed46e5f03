//! Tasks, as they are sent and answered.

use rekindle_core::Versioned;
use rekindle_core::domain::task as core;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Object, Time, wire_enum};

wire_enum! {
    /// Where a task stands.
    TaskStatus of core::TaskStatus {
        /// Not begun.
        Pending,
        /// Being worked on.
        InProgress,
        /// Cannot go on.
        Blocked,
        /// Done.
        Completed,
        /// Not done.
        Failed,
    }
}

/// One item of a project that a session works on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// Its id.
    pub task_id: Uuid,
    /// The session that works on it.
    pub session_id: Uuid,
    /// That session's project.
    pub project_id: String,
    /// The issue that it belongs to.
    #[schema(required = true)]
    pub github_issue_id: Option<String>,
    /// What is to be done.
    #[schema(example = "Write the migration")]
    pub task_name: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// When it was begun, if anybody said so.
    #[schema(required = true)]
    pub started_at: Option<Time>,
    /// When it was done, or failed.
    #[schema(required = true)]
    pub completed_at: Option<Time>,
    /// Why it failed.
    #[schema(required = true)]
    pub error_message: Option<String>,
    /// The client's own data.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub metadata: Object,
    /// The task of the recovered session that this one continues.
    #[schema(required = true)]
    pub copied_from: Option<Uuid>,
    /// When it was recorded.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Raised by each change; also the ETag.
    #[schema(minimum = 1)]
    pub revision: u64,
}

impl From<&Versioned<core::Task>> for Task {
    fn from(row: &Versioned<core::Task>) -> Self {
        let task = &row.value;
        Self {
            task_id: task.id.0,
            session_id: task.session_id.0,
            project_id: task.project_id.as_str().to_owned(),
            github_issue_id: task.github_issue_id.as_ref().map(|id| id.as_str().to_owned()),
            task_name: task.name.as_str().to_owned(),
            status: task.status().into(),
            started_at: task.started_at().map(Time),
            completed_at: task.completed_at().map(Time),
            error_message: task.error_message().map(|message| message.as_str().to_owned()),
            metadata: task.metadata.as_map().clone(),
            copied_from: task.copied_from.map(|id| id.0),
            created_at: task.created_at.into(),
            updated_at: task.updated_at.into(),
            revision: row.version.revision,
        }
    }
}

/// A page of tasks, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskList {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// How many the filter matches in all.
    pub total: u64,
    /// How many a page has at most.
    pub limit: u32,
    /// How many were skipped; null when a cursor was given.
    #[schema(required = true)]
    pub offset: Option<u64>,
    /// What to give as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// A task to be recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "session_id": "6fa459ea-ee8a-4ca4-894e-db77e160355e", "project_id": "PVT_kwDOABCD", "task_name": "Write the migration"
}))]
pub struct CreateTask {
    /// The session that will work on it: one that is live.
    #[schema(value_type = Uuid)]
    pub session_id: String,
    /// That session's project.
    #[schema(min_length = 1, max_length = 200, example = "PVT_kwDOABCD")]
    pub project_id: String,
    /// The issue that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200, example = "I_kwDOABCD")]
    pub github_issue_id: Option<String>,
    /// What is to be done.
    #[schema(min_length = 1, max_length = 4000, example = "Write the migration")]
    pub task_name: String,
    /// The client's own data: at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false)]
    pub metadata: Option<Object>,
}

/// A partial update of a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({ "status": "in_progress" }))]
pub struct PatchTask {
    /// The status asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<TaskStatus>,
    /// Why it failed: required with status `failed`, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 4000, nullable = false)]
    pub error_message: Option<String>,
    /// A JSON Merge Patch (RFC 7396) of the client's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false)]
    pub metadata: Option<Object>,
}
