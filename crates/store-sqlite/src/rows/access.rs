//! Rows about who did what: events with their actors, API keys, remembered answers.

use std::net::IpAddr;

use rekindle_core::domain::api_key::{Actor, ApiKey, SecretHash};
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{EventPosition, IdempotencyKey, RecordedEvent, StoreError, StoredResponse, Versioned};
use rekindle_core::values::{KeyId, MachineId, SessionId, TaskId};
use rusqlite::Row;

use super::{Columns, DecodeError, naming};

/// An event, from a row of `event_columns!`.
pub fn event(row: &Row<'_>) -> Result<RecordedEvent, StoreError> {
    naming("events", row, |columns| {
        let position: i64 = columns.get()?;
        let at = columns.time()?;
        let kind: EventKind = columns.member("kind")?;
        let session = columns.uuid_or_none()?.map(SessionId);
        let task = columns.uuid_or_none()?.map(TaskId);
        let machine: Option<MachineId> = columns.text_or_none("machine_id")?;
        let key = columns.uuid_or_none()?.map(KeyId);
        let by = actor(columns)?;
        let detail = columns.object("detail")?;
        let subject = match (session, task, machine, key) {
            (Some(session), None, None, None) => Subject::Session(session),
            (Some(session), Some(task), None, None) => Subject::Task(task, session),
            (None, None, Some(machine), None) => Subject::Machine(machine),
            (None, None, None, Some(key)) => Subject::Key(key),
            (None, None, None, None) => Subject::Service,
            (_, _, _, _) => return Err("it happened to two at once".to_owned()),
        };
        let position = EventPosition(position.to_string().into_boxed_str());
        Ok(RecordedEvent { position, event: Event { at, kind, subject, detail, by } })
    })
}

fn actor(columns: &mut Columns<'_, '_>) -> Result<Option<Actor>, DecodeError> {
    let key = columns.uuid_or_none()?.map(KeyId);
    let address: Option<String> = columns.get()?;
    let address = address.map(|text| text.parse::<IpAddr>().map_err(|fault| format!("by_address: {fault}")));
    let address = address.transpose()?;
    let request = columns.uuid_or_none()?;
    Ok(request.map(|request| Actor { key, address, request }))
}

/// An API key, from a row of [`crate::sql::KEYS`].
pub fn key(row: &Row<'_>) -> Result<Versioned<ApiKey>, StoreError> {
    naming("api_keys", row, |columns| {
        let _: i64 = columns.get()?;
        let value = ApiKey {
            id: KeyId(columns.uuid()?),
            name: columns.text("name")?,
            secret: SecretHash(columns.get()?),
            role: columns.member("role")?,
            project_id: columns.text_or_none("project_id")?,
            created_at: columns.time()?,
            expires_at: columns.time_or_none()?,
            revoked_at: columns.time_or_none()?,
            replaced_by: columns.uuid_or_none()?.map(KeyId),
        };
        Ok(Versioned { value, version: columns.version()? })
    })
}

/// A remembered answer, from a row of [`crate::sql::REMEMBERED`].
pub fn remembered(row: &Row<'_>) -> Result<StoredResponse, StoreError> {
    naming("answers", row, |columns| {
        let _: i64 = columns.get()?;
        Ok(StoredResponse {
            key: IdempotencyKey(columns.get()?),
            request: columns.get()?,
            answer: columns.get::<Vec<u8>>()?.into_boxed_slice(),
            at: columns.time()?,
            until: columns.time()?,
        })
    })
}
