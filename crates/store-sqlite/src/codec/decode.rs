//! The columns of a row as the fields of a record, in the order of the declaration. A row that makes no sense is
//! [`StoreError::Corrupt`], and the error names it.

use rekindle_core::domain::event::Event;
use rekindle_core::store::{
    EventPosition, Expired, LiveSession, RecordedEvent, StoreError, StoredResponse, Version, Versioned,
};
use rekindle_core::values::{MachineId, SessionId, Slot, Timestamp};
use rekindle_records::fields::session::{COMPLETED_AT, DOCKER_SLOT, ID, PROJECT_ID};
use rekindle_records::{DecodeError, Decoder, Field, Record};
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A row of a list: the entity, and the mark that a cursor to it carries.
pub(crate) struct Sequenced<T> {
    /// The store's own order of rows.
    pub(crate) seq: i64,
    /// The entity.
    pub(crate) entity: Versioned<T>,
}

/// Reads columns one after the other.
struct RowDecoder<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r> RowDecoder<'r, '_> {
    fn get<T: FromSql>(&mut self) -> Result<T, DecodeError> {
        let column = self.next;
        self.next += 1;
        self.row.get(column).map_err(|error| DecodeError::Unreadable(error.to_string()))
    }

    /// Reads a value without copying it.
    fn borrow<T>(&mut self, read: impl FnOnce(ValueRef<'r>) -> FromSqlResult<T>) -> Result<T, DecodeError> {
        let column = self.next;
        self.next += 1;
        let value = self.row.get_ref(column).map_err(|error| DecodeError::Unreadable(error.to_string()))?;
        read(value).map_err(|error| DecodeError::Unreadable(error.to_string()))
    }

    fn version(&mut self) -> Result<Version, DecodeError> {
        Ok(Version { revision: self.count("revision")?, touches: self.count("touches")? })
    }

    fn count(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let count: i64 = self.get()?;
        u64::try_from(count).map_err(|_| DecodeError::Invalid { field, why: format!("cannot be {count}") })
    }
}

impl Decoder for RowDecoder<'_, '_> {
    fn read_text(&mut self, _: &'static Field) -> Result<Option<&str>, DecodeError> {
        self.borrow(|value| value.as_str_or_null())
    }

    fn read_uuid(&mut self, _: &'static Field) -> Result<Option<Uuid>, DecodeError> {
        Ok(self.get::<Option<[u8; 16]>>()?.map(Uuid::from_bytes))
    }

    fn read_time(&mut self, _: &'static Field) -> Result<Option<Timestamp>, DecodeError> {
        Ok(self.get::<Option<i64>>()?.map(Timestamp::from_millis))
    }

    fn read_integer(&mut self, _: &'static Field) -> Result<Option<i64>, DecodeError> {
        self.get()
    }

    fn read_bytes(&mut self, _: &'static Field) -> Result<Option<&[u8]>, DecodeError> {
        self.borrow(|value| value.as_bytes_or_null())
    }

    fn read_object(&mut self, field: &'static Field) -> Result<Map<String, Value>, DecodeError> {
        let text = self.borrow(|value| value.as_str())?;
        if text == "{}" {
            return Ok(Map::new());
        }
        serde_json::from_str(text).map_err(|error| Self::invalid(field, format!("is no JSON object: {error}")))
    }

    fn read_integers(&mut self, field: &'static Field) -> Result<Option<Vec<i64>>, DecodeError> {
        let text = self.borrow(|value| value.as_str())?;
        let numbers = serde_json::from_str(text);
        numbers.map(Some).map_err(|error| Self::invalid(field, format!("is no array of whole numbers: {error}")))
    }
}

/// Reads a row whose first column is its sequence, and names the row in an error: by its table, its sequence, and its id
/// in the second column.
fn naming<'r, 's, R: Record, T>(
    row: &'r Row<'s>,
    read: impl FnOnce(i64, &mut RowDecoder<'r, 's>) -> Result<T, DecodeError>,
) -> Result<T, StoreError> {
    let mut columns = RowDecoder { row, next: 0 };
    columns.get().and_then(|seq| read(seq, &mut columns)).map_err(|error| {
        let id = match row.get_ref(1) {
            Ok(ValueRef::Blob(bytes)) => Uuid::from_slice(bytes).map(|id| format!(" ({id})")).unwrap_or_default(),
            Ok(ValueRef::Text(text)) => format!(" ({})", String::from_utf8_lossy(text)),
            Ok(ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_)) | Err(_) => String::new(),
        };
        let seq = row.get::<_, i64>(0).map_or_else(|_| "?".to_owned(), |seq| seq.to_string());
        StoreError::Corrupt(format!("row {seq}{id} of table {}: {error}", R::DECLARATION.name))
    })
}

/// Reads an entity with its version, from a row of the columns of [`crate::sql`].
pub(crate) fn record<R: Record>(row: &Row<'_>) -> Result<Sequenced<R>, StoreError> {
    naming::<R, _>(row, |seq, columns| {
        let value = R::decode(columns)?;
        Ok(Sequenced { seq, entity: Versioned { value, version: columns.version()? } })
    })
}

/// Reads an event with its position.
pub(crate) fn event(row: &Row<'_>) -> Result<RecordedEvent, StoreError> {
    naming::<Event, _>(row, |position, columns| {
        let position = EventPosition(position.to_string().into_boxed_str());
        Ok(RecordedEvent { position, event: Event::decode(columns)? })
    })
}

/// Reads a stored response.
pub(crate) fn stored_response(row: &Row<'_>) -> Result<StoredResponse, StoreError> {
    naming::<StoredResponse, _>(row, |_, columns| StoredResponse::decode(columns))
}

/// Reads an ended session, from a row of [`crate::sql::EXPIRED`].
pub(crate) fn expired(row: &Row<'_>) -> Result<Expired, StoreError> {
    naming::<rekindle_core::Session, _>(row, |_, columns| {
        Ok(Expired {
            session_id: SessionId(columns.uuid(&ID)?),
            project_id: columns.text(&PROJECT_ID)?,
            completed_at: columns.time(&COMPLETED_AT)?,
            version: columns.version()?,
        })
    })
}

/// Reads a live session of a machine, from a row of [`crate::sql::LIVE_SESSIONS`].
pub(crate) fn live_session(row: &Row<'_>, machine: &MachineId) -> Result<LiveSession, StoreError> {
    naming::<rekindle_core::Session, _>(row, |_, columns| {
        Ok(LiveSession {
            session_id: SessionId(columns.uuid(&ID)?),
            machine_id: machine.clone(),
            docker_slot: columns.optional_number(&DOCKER_SLOT)?.map(Slot),
        })
    })
}
