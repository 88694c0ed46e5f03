//! Recovery, detection and cleanup, as they are sent and answered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::object::Object;
use crate::task::Task;
use crate::time::Time;

/// What a session had done, and what is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RecoveryState {
    /// The session.
    pub session_id: Uuid,
    /// Its project.
    pub project_id: String,
    /// The task that was completed last.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub last_successful_task: Option<Task>,
    /// What failed, in the order in which it was recorded.
    pub failed_tasks: Vec<Task>,
    /// What was not begun.
    pub pending_tasks: Vec<Task>,
    /// What was being worked on.
    pub in_progress_tasks: Vec<Task>,
    /// What could not go on.
    pub blocked_tasks: Vec<Task>,
    /// The session's last sign of life.
    pub last_heartbeat: Time,
    /// The session's metadata.
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>))]
    pub metadata: Object,
    /// The session that continues this one.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub recovered_into: Option<Uuid>,
}

/// How a recovery is prepared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "release_slot": true })))]
pub struct PrepareRecovery {
    /// Whether the session's slot becomes free for others; false if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false, default = false))]
    pub release_slot: Option<bool>,
}

/// Where and how a session goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "new_machine_id": "build-8" })))]
pub struct Recover {
    /// The machine that takes over; may be the same.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200, example = "build-8"))]
    pub new_machine_id: String,
    /// The slot there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 65535))]
    pub docker_slot: Option<u16>,
    /// Whether each failed task gets a new pending one; true if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false, default = true))]
    pub reset_failed_tasks: Option<bool>,
}

/// What a detection pass found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DetectReport {
    /// How many sessions it marked as stalled.
    pub stalled_sessions: u64,
    /// When it looked.
    pub checked_at: Time,
    /// How long it took.
    pub duration_ms: u64,
}

/// What a cleanup deleted, or would delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CleanupReport {
    /// Sessions.
    pub deleted_sessions: u64,
    /// Their tasks.
    pub deleted_tasks: u64,
    /// The age that was gone by.
    pub older_than_days: u32,
    /// Whether it was only told, and nothing deleted.
    pub dry_run: bool,
}
