//! Sessions, as they are sent and answered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::nullable::Nullable;
use crate::object::Object;
use crate::page::{Listed, Page};
use crate::text_enum::text_enum;
use crate::time::Time;

text_enum! {
    /// Where a session stands.
    SessionStatus {
        /// Working.
        Active = "active",
        /// Resting on purpose: its silence means nothing.
        Paused = "paused",
        /// Silent past its deadline.
        Stalled = "stalled",
        /// Over, and well.
        Completed = "completed",
        /// Over, and not well.
        Failed = "failed",
    }
}

/// One run of an agent over a project's tasks on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Session {
    /// Its id.
    pub session_id: Uuid,
    /// The project that it works through.
    #[cfg_attr(feature = "schema", schema(example = "PVT_kwDOABCD"))]
    pub project_id: String,
    /// Where it runs.
    #[cfg_attr(feature = "schema", schema(example = "build-7"))]
    pub machine_id: String,
    /// The slot of its machine that it holds while it is live.
    #[cfg_attr(feature = "schema", schema(required = true, minimum = 0, maximum = 65535))]
    pub docker_slot: Option<u16>,
    /// Where it stands.
    pub status: SessionStatus,
    /// Its last sign of life.
    pub last_heartbeat: Time,
    /// What it says that it is working on: often a task's id, but not checked against the tasks. Null once it ended.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub current_task_id: Option<String>,
    /// When it began.
    pub started_at: Time,
    /// When it ended; null while it is live.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub completed_at: Option<Time>,
    /// The client's own data, and the server's keys `archived`, `archived_at`, `error_message` and `recovery`.
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>))]
    pub metadata: Object,
    /// When it was recorded.
    pub created_at: Time,
    /// When it last changed; heartbeats alone do not count.
    pub updated_at: Time,
    /// Raised by each change; also the ETag.
    #[cfg_attr(feature = "schema", schema(minimum = 1))]
    pub revision: u64,
    /// The first session of its chain of recoveries.
    pub lineage_id: Uuid,
    /// 1 for the first session of the chain, one more for each recovery.
    #[cfg_attr(feature = "schema", schema(minimum = 1))]
    pub attempt: u32,
    /// The session that this one continues.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub recovered_from: Option<Uuid>,
    /// The session that continues this one.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub recovered_into: Option<Uuid>,
}

/// A page of sessions.
pub type SessionList = Page<Session>;

impl Listed for Session {
    const FIELD: &'static str = "sessions";
    const LIST: &'static str = "SessionList";
}

/// A session to be recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "project_id": "PVT_kwDOABCD", "machine_id": "build-7", "metadata": { "editor": "1.96" } })))]
pub struct CreateSession {
    /// The project that it works through; no control characters.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200, example = "PVT_kwDOABCD"))]
    pub project_id: String,
    /// Where it runs; no control characters, no slash. It need not be registered.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200, example = "build-7"))]
    pub machine_id: String,
    /// The slot that it takes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 65535))]
    pub docker_slot: Option<u16>,
    /// The client's own data: at most 64 KiB, without the server's keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false))]
    pub metadata: Option<Object>,
}

/// A partial update of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "status": "paused", "metadata": { "note": "until tomorrow" } })))]
pub struct PatchSession {
    /// The status asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub status: Option<SessionStatus>,
    /// What it works on; null for nothing.
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, min_length = 1, max_length = 200))]
    pub current_task_id: Nullable<String>,
    /// A JSON Merge Patch (RFC 7396) of the client's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false))]
    pub metadata: Option<Object>,
    /// Why it failed: required with status `failed`, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 4000, nullable = false))]
    pub error_message: Option<String>,
}

/// What a heartbeat may say besides being one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "current_task_id": "task-123" })))]
pub struct HeartbeatBody {
    /// What the session works on; null for nothing.
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, min_length = 1, max_length = 200))]
    pub current_task_id: Nullable<String>,
    /// A JSON Merge Patch (RFC 7396) of the client's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false))]
    pub metadata: Option<Object>,
}

/// The session after a heartbeat, and when the next one should come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HeartbeatResponse {
    /// The session.
    #[serde(flatten)]
    pub session: Session,
    /// In how many milliseconds the next heartbeat should come: two in a row may be lost before the session is missed.
    pub next_heartbeat_ms: u64,
}

/// Why a session failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "error_message": "the build ran out of memory" })))]
pub struct MarkFailed {
    /// The reason.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 4000, example = "the build ran out of memory"))]
    pub error_message: String,
    /// A JSON Merge Patch (RFC 7396) of the client's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>, required = false))]
    pub metadata: Option<Object>,
}

/// How many sessions there are in each status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HealthSummary {
    /// All of them.
    pub total_sessions: u64,
    /// Active ones.
    pub active_sessions: u64,
    /// Paused ones.
    pub paused_sessions: u64,
    /// Stalled ones.
    pub stalled_sessions: u64,
    /// Failed ones.
    pub failed_sessions: u64,
    /// Completed ones.
    pub completed_sessions: u64,
    /// When they were counted.
    pub last_updated: Time,
}

/// A session that has fallen silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StalledSession {
    /// Its id.
    pub session_id: Uuid,
    /// Its project.
    pub project_id: String,
    /// Its machine.
    pub machine_id: String,
    /// Its last sign of life.
    pub last_heartbeat: Time,
    /// How long ago that was.
    pub time_since_heartbeat_ms: u64,
}

/// The sessions that have fallen silent, longest silent first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StalledReport {
    /// Stalled ones, and active ones past their deadline that are not yet marked.
    pub stalled_sessions: Vec<StalledSession>,
    /// The silence after which a session is missed.
    pub stall_threshold_ms: u64,
    /// How many there are in all.
    pub total: u64,
}

/// One session's health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionHealth {
    /// The session.
    pub session_id: Uuid,
    /// Whether it is active and in time.
    pub is_healthy: bool,
    /// Where it stands.
    pub status: SessionStatus,
    /// Its last sign of life.
    pub last_heartbeat: Time,
    /// How long ago that was.
    pub time_since_heartbeat_ms: u64,
    /// Whether it is stalled, or active and past its deadline.
    pub is_stalled: bool,
    /// The silence after which it is missed.
    pub stall_threshold_ms: u64,
}
