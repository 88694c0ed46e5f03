//! A session as a document.

use bson::{Bson, Document, RawDocument, doc};
use rekindle_core::domain::session::{
    Ended, Lineage, Live, LiveState, Outcome, Phase, Recovered, Session, SessionStatus,
};
use rekindle_core::store::{Expired, LiveSession, StoreError, Version, Versioned};
use rekindle_core::values::{ErrorMessage, SessionId, Slot, Timestamp};
use uuid::Uuid;

use super::fields::{Fields, decode, missing};
use super::{DecodeError, Marked, Parts, date, json, long, set};

const MUTABLE_FIELDS: &[&str] = &[
    "docker_slot",
    "status",
    "current_task_id",
    "completed_at",
    "archived_at",
    "error_message",
    "prepared_at",
    "recovered_into",
    "recovered_at",
    "updated_at",
    "metadata",
    "metadata_json",
];

fn parts(session: &Session) -> Parts {
    let mut immutable = doc! {
        "session_id": session.id.to_string(),
        "project_id": session.project_id.as_str(),
        "machine_id": session.machine_id.as_str(),
        "started_at": date(session.started_at),
        "created_at": date(session.created_at),
        "lineage_id": session.lineage.id.to_string(),
        "attempt": long(session.lineage.attempt.into()),
    };
    set(&mut immutable, "recovered_from", session.lineage.recovered_from.map(|id| id.to_string()));
    let mut mutable = doc! { "status": session.status().as_str(), "updated_at": date(session.updated_at) };
    set(&mut mutable, "docker_slot", session.docker_slot.map(|slot| i32::from(slot.0)));
    set(&mut mutable, "current_task_id", session.current_task().map(|label| label.as_str()));
    set(&mut mutable, "completed_at", session.completed_at().map(date));
    set(&mut mutable, "archived_at", session.archived_at().map(date));
    set(&mut mutable, "error_message", session.error_message().map(ErrorMessage::as_str));
    set(&mut mutable, "prepared_at", session.prepared_at().map(date));
    set(&mut mutable, "recovered_into", session.recovered_into().map(|id| id.to_string()));
    set(&mut mutable, "recovered_at", session.recovered().map(|recovered| date(recovered.at)));
    json::put(&mut mutable, "metadata", "metadata_json", session.metadata.as_map());
    Parts { immutable, mutable, mutable_names: MUTABLE_FIELDS, last_heartbeat: Some(session.last_heartbeat) }
}

/// Encodes a new row: revision 1, no touches.
pub(crate) fn new(session: &Session, mark: Uuid) -> Document {
    parts(session).new_document(mark)
}

/// Returns the update of a row at this version; it keeps the later `last_heartbeat`.
pub(crate) fn changes(session: &Session, at: Version) -> Document {
    parts(session).update(at)
}

pub(crate) fn read(document: &RawDocument) -> Result<Marked<Session>, StoreError> {
    decode("sessions", "session_id", document, |fields| {
        let mark = fields.mark()?;
        let id = fields.parsed("session_id")?;
        let project_id = fields.parsed("project_id")?;
        let machine_id = fields.parsed("machine_id")?;
        let started_at = fields.time("started_at")?;
        let created_at = fields.time("created_at")?;
        let lineage = Lineage {
            id: fields.parsed_or_none("lineage_id")?.unwrap_or(id),
            attempt: fields.number_or_none("attempt")?.unwrap_or(1),
            recovered_from: fields.parsed_or_none("recovered_from")?,
        };
        let last_heartbeat = fields.time("last_heartbeat")?;
        let value = Session {
            id,
            project_id,
            machine_id,
            docker_slot: slot(fields)?,
            phase: phase(fields)?,
            last_heartbeat,
            started_at,
            metadata: fields.metadata()?,
            lineage,
            created_at,
            updated_at: fields.time("updated_at")?,
        };
        Ok(Marked { mark, entity: Versioned { value, version: fields.version()? } })
    })
}

fn slot(fields: &Fields<'_>) -> Result<Option<Slot>, DecodeError> {
    Ok(fields.number_or_none("docker_slot")?.map(Slot))
}

fn phase(fields: &Fields<'_>) -> Result<Phase, DecodeError> {
    let status: SessionStatus = fields.parsed("status")?;
    let prepared_at = fields.time_or_none("prepared_at")?;
    let live = |state| {
        let current_task = fields.parsed_or_none("current_task_id")?;
        Ok(Phase::Live(Live { state, current_task }))
    };
    let ended = |outcome| {
        let at = fields.time("completed_at")?;
        Ok(Phase::Ended(Ended { at, outcome, archived_at: fields.time_or_none("archived_at")? }))
    };
    match status {
        SessionStatus::Active => live(LiveState::Active),
        SessionStatus::Paused => live(LiveState::Paused),
        SessionStatus::Stalled => live(LiveState::Stalled { prepared_at }),
        SessionStatus::Completed => ended(completed(fields)?),
        SessionStatus::Failed => {
            let error_message = fields.parsed_or_none("error_message")?.map_or_else(default_error_message, Ok)?;
            ended(Outcome::Failed { error_message, prepared_at })
        }
    }
}

/// Returns the reason of a failed session or task of another program that gives none.
pub(crate) fn default_error_message() -> Result<ErrorMessage, DecodeError> {
    "no reason was recorded".parse().map_err(|error| format!("error_message {error}"))
}

fn completed(fields: &Fields<'_>) -> Result<Outcome, DecodeError> {
    let into: Option<SessionId> = fields.parsed_or_none("recovered_into")?;
    match (into, fields.time_or_none("recovered_at")?) {
        (None, None) => Ok(Outcome::Completed),
        (Some(into), Some(at)) => Ok(Outcome::Recovered(Recovered {
            into,
            at,
            prepared_at: fields.time_or_none("prepared_at")?,
            error_message: fields.parsed_or_none("error_message")?,
        })),
        (None, Some(_)) => Err(missing("recovered_into")),
        (Some(_), None) => Err(missing("recovered_at")),
    }
}

/// The fields that [`id`] reads.
pub(crate) fn id_fields() -> Document {
    doc! { "_id": 0, "session_id": 1 }
}

pub(crate) fn id(document: &RawDocument) -> Result<SessionId, StoreError> {
    decode("sessions", "session_id", document, |fields| fields.parsed("session_id"))
}

/// The fields that [`live`] reads.
pub(crate) fn live_fields() -> Document {
    doc! { "session_id": 1, "machine_id": 1, "docker_slot": 1, "created_at": 1 }
}

/// Decodes a live session as its machine lists it.
pub(crate) fn live(document: &RawDocument) -> Result<LiveSession, StoreError> {
    decode("sessions", "session_id", document, |fields| {
        Ok(LiveSession {
            session_id: fields.parsed("session_id")?,
            machine_id: fields.parsed("machine_id")?,
            docker_slot: slot(fields)?,
        })
    })
}

/// The fields that [`expired`] reads.
pub(crate) fn expired_fields() -> Document {
    doc! { "session_id": 1, "project_id": 1, "completed_at": 1, "revision": 1, "touches": 1 }
}

/// Decodes an ended session that retention may delete.
pub(crate) fn expired(document: &RawDocument) -> Result<Expired, StoreError> {
    decode("sessions", "session_id", document, |fields| {
        Ok(Expired {
            session_id: fields.parsed("session_id")?,
            project_id: fields.parsed("project_id")?,
            completed_at: fields.time("completed_at")?,
            version: fields.version()?,
        })
    })
}

/// The fields that [`ended`] reads.
pub(crate) fn ended_fields() -> Document {
    doc! { "_id": 0, "session_id": 1, "completed_at": 1 }
}

/// Decodes the id of an ended session, and the time of its end.
pub(crate) fn ended(document: &RawDocument) -> Result<(SessionId, Timestamp), StoreError> {
    decode("sessions", "session_id", document, |fields| {
        Ok((fields.parsed("session_id")?, fields.time("completed_at")?))
    })
}

/// Returns the statuses of live sessions, for a filter.
pub(crate) fn live_statuses() -> Vec<Bson> {
    let live = SessionStatus::ALL.into_iter().filter(|status| status.is_live());
    live.map(|status| Bson::String(status.as_str().to_owned())).collect()
}
