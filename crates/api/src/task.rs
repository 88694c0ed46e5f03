//! Tasks, as they are sent and answered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::object::Object;
use crate::page::{Listed, Page};
use crate::text_enum::text_enum;
use crate::time::Time;

text_enum! {
    /// Where a task stands.
    TaskStatus {
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

/// One item of a project that a session works on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Task {
    /// Its id.
    pub task_id: Uuid,
    /// The session that works on it.
    pub session_id: Uuid,
    /// That session's project.
    pub project_id: String,
    /// The issue that it belongs to.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub github_issue_id: Option<String>,
    /// What is to be done.
    #[cfg_attr(feature = "schema", schema(example = "Write the migration"))]
    pub task_name: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// When it was begun, if anybody said so.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub started_at: Option<Time>,
    /// When it was done, or failed.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub completed_at: Option<Time>,
    /// Why it failed.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub error_message: Option<String>,
    /// The client's own data.
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>))]
    pub metadata: Object,
    /// The task of the recovered session that this one continues.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub copied_from: Option<Uuid>,
    /// When it was recorded.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Raised by each change; also the ETag.
    #[cfg_attr(feature = "schema", schema(minimum = 1))]
    pub revision: u64,
}

/// A page of tasks.
pub type TaskList = Page<Task>;

impl Listed for Task {
    const FIELD: &'static str = "tasks";
    const LIST: &'static str = "TaskList";
}

/// A task to be recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({
    "session_id": "6fa459ea-ee8a-4ca4-894e-db77e160355e", "project_id": "PVT_kwDOABCD", "task_name": "Write the migration"
})))]
pub struct CreateTask {
    /// The session that will work on it: one that is live.
    #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
    pub session_id: String,
    /// That session's project.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200, example = "PVT_kwDOABCD"))]
    pub project_id: String,
    /// The issue that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200, example = "I_kwDOABCD"))]
    pub github_issue_id: Option<String>,
    /// What is to be done.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 4000, example = "Write the migration"))]
    pub task_name: String,
    /// The client's own data: at most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false))]
    pub metadata: Option<Object>,
}

/// A partial update of a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "status": "in_progress" })))]
pub struct PatchTask {
    /// The status asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub status: Option<TaskStatus>,
    /// Why it failed: required with status `failed`, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 4000, nullable = false))]
    pub error_message: Option<String>,
    /// A JSON Merge Patch (RFC 7396) of the client's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false))]
    pub metadata: Option<Object>,
}
