//! An event as a document.

use bson::raw::RawBsonRef;
use bson::{Document, RawDocument, doc};
use rekindle_core::Actor;
use rekindle_core::domain::event::{Event, Subject};
use rekindle_core::store::{EventPosition, RecordedEvent, StoreError};
use rekindle_core::values::{KeyId, MachineId, SessionId, TaskId};
use uuid::Uuid;

use super::fields::{Fields, decode, missing};
use super::{DecodeError, date, json, mark_id, set};

/// Encodes a new event: pending, without a position.
pub(crate) fn new(event: &Event, mark: Uuid) -> Document {
    let mut document = doc! { "_id": mark_id(mark), "at": date(event.at), "kind": event.kind.as_str() };
    match &event.subject {
        Subject::Session(session) => {
            document.insert("session_id", session.to_string());
        }
        Subject::Task(task, session) => {
            document.insert("session_id", session.to_string());
            document.insert("task_id", task.to_string());
        }
        Subject::Machine(machine) => {
            document.insert("machine_id", machine.as_str());
        }
        Subject::Key(key) => {
            document.insert("key_id", key.to_string());
        }
        Subject::Service => {
            document.insert("service", true);
        }
    }
    if let Some(actor) = &event.by {
        set(&mut document, "by_key", actor.key.map(|key| key.to_string()));
        set(&mut document, "by_address", actor.address.map(|address| address.to_string()));
        document.insert("by_request", actor.request.to_string());
    }
    match event.deleted_with_session() {
        Some(session) => document.insert("kept_with", session.to_string()),
        None => document.insert("loose", true),
    };
    json::put(&mut document, "detail", "detail_json", &event.detail);
    document.insert("pending", true);
    document
}

/// Decodes an event that has its position.
pub(crate) fn read(document: &RawDocument) -> Result<RecordedEvent, StoreError> {
    decode("events", "_id", document, |fields| {
        let at = fields.time("at")?;
        let kind = fields.parsed("kind")?;
        let session: Option<SessionId> = fields.parsed_or_none("session_id")?;
        let task: Option<TaskId> = fields.parsed_or_none("task_id")?;
        let machine: Option<MachineId> = fields.parsed_or_none("machine_id")?;
        let key: Option<KeyId> = fields.parsed_or_none("key_id")?;
        let service = fields.raw("service").and_then(RawBsonRef::as_bool).unwrap_or(false);
        let subject = match (session, task, machine, key, service) {
            (Some(session), None, None, None, false) => Subject::Session(session),
            (Some(session), Some(task), None, None, false) => Subject::Task(task, session),
            (None, None, Some(machine), None, false) => Subject::Machine(machine),
            (None, None, None, Some(key), false) => Subject::Key(key),
            (None, None, None, None, true) => Subject::Service,
            (_, _, _, _, _) => return Err("it happened to nobody, or to two at once".to_owned()),
        };
        let by = actor(fields)?;
        let detail = fields.object("detail", "detail_json")?;
        let position: u64 = fields.number_or_none("position")?.ok_or_else(|| missing("position"))?;
        let position = EventPosition(position.to_string().into_boxed_str());
        Ok(RecordedEvent { position, event: Event { at, kind, subject, detail, by } })
    })
}

fn actor(fields: &Fields<'_>) -> Result<Option<Actor>, DecodeError> {
    let key = fields.parsed_or_none("by_key")?;
    let address = fields.parsed_or_none("by_address")?;
    match fields.parsed_or_none("by_request")? {
        Some(request) => Ok(Some(Actor { key, address, request })),
        None if key.is_some() || address.is_some() => Err(missing("by_request")),
        None => Ok(None),
    }
}
