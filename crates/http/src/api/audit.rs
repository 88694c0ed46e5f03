//! The audit trail, as it is answered.

use rekindle_core::domain::event::{EventKind, Subject};
use rekindle_core::store::RecordedEvent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Object, Time};

/// One thing that happened, and on whose behalf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEvent {
    /// When.
    pub at: Time,
    /// What, such as `session.created`, `key.revoked` or `access.refused`.
    #[schema(example = "session.created")]
    pub kind: String,
    /// `done`, or `refused`.
    #[schema(example = "done")]
    pub outcome: String,
    /// The key that asked for it; null: nobody did, or its key is not known.
    #[schema(required = true)]
    pub key_id: Option<Uuid>,
    /// The address that it was asked from.
    #[schema(required = true)]
    pub ip: Option<String>,
    /// The request's id, as in the log; null: no request asked for it (the detector, retention).
    #[schema(required = true)]
    pub request_id: Option<Uuid>,
    /// The session that it happened to.
    #[schema(required = true)]
    pub session_id: Option<Uuid>,
    /// The task.
    #[schema(required = true)]
    pub task_id: Option<Uuid>,
    /// The machine.
    #[schema(required = true)]
    pub machine_id: Option<String>,
    /// The key that it happened to.
    #[schema(required = true)]
    pub subject_key_id: Option<Uuid>,
    /// What else is known of it.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub detail: Object,
}

impl From<&RecordedEvent> for AuditEvent {
    fn from(recorded: &RecordedEvent) -> Self {
        let event = &recorded.event;
        let (session, task, machine, key) = match &event.subject {
            Subject::Session(session) => (Some(session.0), None, None, None),
            Subject::Task(task, session) => (Some(session.0), Some(task.0), None, None),
            Subject::Machine(machine) => (None, None, Some(machine.to_string()), None),
            Subject::Key(key) => (None, None, None, Some(key.0)),
            Subject::Service => (None, None, None, None),
        };
        let by = event.by.as_ref();
        let refused = event.kind == EventKind::AccessRefused;
        Self {
            at: event.at.into(),
            kind: event.kind.as_str().to_owned(),
            outcome: if refused { "refused" } else { "done" }.to_owned(),
            key_id: by.and_then(|actor| actor.key).map(|key| key.0),
            ip: by.and_then(|actor| actor.address).map(|address| address.to_string()),
            request_id: by.map(|actor| actor.request),
            session_id: session,
            task_id: task,
            machine_id: machine,
            subject_key_id: key,
            detail: event.detail.clone(),
        }
    }
}

/// A part of the audit trail, the latest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditTrail {
    /// What happened.
    pub events: Vec<AuditEvent>,
    /// How many there are at most.
    pub limit: u32,
    /// What to give as `cursor` for what happened before; null when there may be no more.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}
