//! The line of an event. Its position belongs to the store and is not written: the order of the lines is the order of
//! the events.

use std::net::IpAddr;

use rekindle_core::domain::event::{Event, Subject};
use rekindle_core::{Actor, InvalidValue, KeyId, SessionId, TaskId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::fields::{field, text};

/// The line of an event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventRow {
    at: i64,
    kind: String,
    subject: SubjectRow,
    detail: Map<String, Value>,
    by: Option<ActorRow>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum SubjectRow {
    Session(Uuid),
    Task { id: Uuid, session_id: Uuid },
    Machine(String),
    Key(Uuid),
    Service,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActorRow {
    key: Option<Uuid>,
    address: Option<IpAddr>,
    request: Uuid,
}

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        let subject = match &event.subject {
            Subject::Session(id) => SubjectRow::Session(id.0),
            Subject::Task(id, session) => SubjectRow::Task { id: id.0, session_id: session.0 },
            Subject::Machine(id) => SubjectRow::Machine(id.to_string()),
            Subject::Key(id) => SubjectRow::Key(id.0),
            Subject::Service => SubjectRow::Service,
        };
        let by = event.by.as_ref().map(|by| ActorRow {
            key: by.key.map(|key| key.0),
            address: by.address,
            request: by.request,
        });
        let kind = event.kind.as_str().to_owned();
        Self { at: event.at.millis(), kind, subject, detail: event.detail.clone(), by }
    }
}

impl EventRow {
    /// Returns the event.
    pub(super) fn event(self) -> Result<Event, InvalidValue> {
        let subject = match self.subject {
            SubjectRow::Session(id) => Subject::Session(SessionId(id)),
            SubjectRow::Task { id, session_id } => Subject::Task(TaskId(id), SessionId(session_id)),
            SubjectRow::Machine(id) => Subject::Machine(text("subject", id)?),
            SubjectRow::Key(id) => Subject::Key(KeyId(id)),
            SubjectRow::Service => Subject::Service,
        };
        let by = self.by.map(|by| Actor { key: by.key.map(KeyId), address: by.address, request: by.request });
        let kind = field("kind", self.kind.parse())?;
        Ok(Event { at: Timestamp::from_millis(self.at), kind, subject, detail: self.detail, by })
    }
}
