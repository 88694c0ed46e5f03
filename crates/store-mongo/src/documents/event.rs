//! An event as a document.

use bson::{Document, RawDocument, doc};
use rekindle_core::event::{Event, Subject};
use rekindle_core::store::{EventPosition, RecordedEvent, StoreError};
use rekindle_core::values::{MachineId, SessionId, TaskId};
use uuid::Uuid;

use super::fields::{missing, naming};
use super::{date, json, mark_id};

/// The document of a new event: pending, without a position.
pub fn new(event: &Event, mark: Uuid) -> Document {
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
    }
    match event.kept_with() {
        Some(session) => document.insert("kept_with", session.to_string()),
        None => document.insert("loose", true),
    };
    json::put(&mut document, "detail", "detail_json", &event.detail);
    document.insert("pending", true);
    document
}

/// The event of a document that has its position.
pub fn read(document: &RawDocument) -> Result<RecordedEvent, StoreError> {
    naming("events", "_id", document, |fields| {
        let at = fields.time("at")?;
        let kind = fields.member("kind")?;
        let session: Option<SessionId> = fields.member_or_none("session_id")?;
        let task: Option<TaskId> = fields.member_or_none("task_id")?;
        let machine: Option<MachineId> = fields.member_or_none("machine_id")?;
        let subject = match (session, task, machine) {
            (Some(session), None, None) => Subject::Session(session),
            (Some(session), Some(task), None) => Subject::Task(task, session),
            (None, None, Some(machine)) => Subject::Machine(machine),
            (_, _, _) => return Err("it happened to nobody, or to two at once".to_owned()),
        };
        let detail = fields.object("detail", "detail_json")?;
        let position: u64 = fields.number_or_none("position")?.ok_or_else(|| missing("position"))?;
        let position = EventPosition(position.to_string().into_boxed_str());
        Ok(RecordedEvent { position, event: Event { at, kind, subject, detail } })
    })
}
