//! The audit trail, as it is answered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::object::Object;
use crate::time::Time;

/// One thing that happened, and on whose behalf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditEvent {
    /// When.
    pub at: Time,
    /// What, such as `session.created`, `key.revoked` or `access.refused`.
    #[cfg_attr(feature = "schema", schema(example = "session.created"))]
    pub kind: String,
    /// `done`, or `refused`.
    #[cfg_attr(feature = "schema", schema(example = "done"))]
    pub outcome: String,
    /// The key that asked for it; null: nobody did, or its key is not known.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub key_id: Option<Uuid>,
    /// The address that it was asked from.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub ip: Option<String>,
    /// The request's id, as in the log; null: no request asked for it (the detector, retention).
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub request_id: Option<Uuid>,
    /// The session that it happened to.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub session_id: Option<Uuid>,
    /// The task.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub task_id: Option<Uuid>,
    /// The machine.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub machine_id: Option<String>,
    /// The key that it happened to.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub subject_key_id: Option<Uuid>,
    /// What else is known of it.
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::HashMap<String, serde_json::Value>))]
    pub detail: Object,
}

/// A part of the audit trail, the latest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditTrail {
    /// What happened.
    pub events: Vec<AuditEvent>,
    /// How many there are at most.
    pub limit: u32,
    /// What to give as `cursor` for what happened before; null when there may be no more.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub next_cursor: Option<String>,
}
