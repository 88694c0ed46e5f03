//! The columns of a row as the fields of a record, in the order of the declaration. A row that makes no sense is
//! [`StoreError::Corrupt`], and the error names it.

use rekindle_core::domain::event::Event;
use rekindle_core::store::{
    AnyEntity, Entity, EventPosition, RecordedEvent, Row as FoundRow, RowContent, StoreError, Value, Version, Versioned,
};
use rekindle_core::values::Timestamp;
use rekindle_records::{DecodeError, DecodeFields, Decoder, Field, FieldType, Record, RecordType, StoredValue};
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use serde_json::Map;
use uuid::Uuid;

/// An entity and its row number.
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
    // Within the decoding of one type each field's kind is known, and one arm of the match is left.
    #[inline(always)]
    fn read(&mut self, field: &'static Field) -> Result<Option<StoredValue<'_>>, DecodeError> {
        Ok(match field.kind {
            FieldType::Text => self.borrow(|value| value.as_str_or_null())?.map(|text| StoredValue::Text(text.into())),
            FieldType::Uuid => self.get::<Option<[u8; 16]>>()?.map(|id| StoredValue::Uuid(Uuid::from_bytes(id))),
            FieldType::Time => self.get::<Option<i64>>()?.map(|at| StoredValue::Time(Timestamp::from_millis(at))),
            FieldType::Integer | FieldType::SmallInteger => self.get::<Option<i64>>()?.map(StoredValue::Integer),
            FieldType::Bytes => {
                self.borrow(|value| value.as_bytes_or_null())?.map(|bytes| StoredValue::Bytes(bytes.into()))
            }
            FieldType::Object => {
                let text = self.borrow(|value| value.as_str())?;
                let object = if text == "{}" { Ok(Map::new()) } else { serde_json::from_str(text) };
                let object = object.map_err(|error| self.invalid(field, format!("is no JSON object: {error}")));
                Some(StoredValue::Object(object?))
            }
            FieldType::Integers => {
                let numbers = serde_json::from_str(self.borrow(|value| value.as_str())?);
                let numbers =
                    numbers.map_err(|error| self.invalid(field, format!("is no array of whole numbers: {error}")));
                Some(StoredValue::Integers(numbers?))
            }
        })
    }
}

/// Reads a row whose first column is its sequence, and names the row in an error: by its table, its sequence, and its id
/// in the second column.
fn naming<'r, 's, T>(
    table: &str,
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
        StoreError::Corrupt(format!("row {seq}{id} of table {table}: {error}"))
    })
}

/// Reads an entity of a known type with its version, from a row of its declared columns.
pub(crate) fn record<R: Record>(row: &Row<'_>) -> Result<Sequenced<R>, StoreError> {
    naming(R::DECLARATION.name, row, |seq, columns| {
        let value = R::decode(columns)?;
        Ok(Sequenced { seq, entity: Versioned { value, version: columns.version()? } })
    })
}

/// Reads an event with its position.
pub(crate) fn event(row: &Row<'_>) -> Result<RecordedEvent, StoreError> {
    naming(Event::DECLARATION.name, row, |position, columns| {
        let position = EventPosition(position.to_string().into_boxed_str());
        Ok(RecordedEvent { position, event: Event::decode(columns)? })
    })
}

/// Reads an entity of any kind, from a row of its declared columns.
pub(crate) fn entity(kind: &dyn RecordType, row: &Row<'_>) -> Result<FoundRow, StoreError> {
    let declaration = kind.declaration();
    naming(declaration.name, row, |seq, columns| {
        let content = RowContent::Entity(kind.decode(columns)?);
        let version = if declaration.versioned { columns.version()? } else { Version::FIRST };
        Ok(FoundRow { content, version, mark: u128::from(seq.cast_unsigned()) })
    })
}

/// Reads an entity of a known type, as a row of a result.
pub(crate) fn entity_of<R: Record + Entity>(row: &Row<'_>) -> Result<FoundRow, StoreError> {
    naming(R::DECLARATION.name, row, |seq, columns| {
        let content = RowContent::Entity(AnyEntity::new(R::decode(columns)?));
        let version = if R::DECLARATION.versioned { columns.version()? } else { Version::FIRST };
        Ok(FoundRow { content, version, mark: u128::from(seq.cast_unsigned()) })
    })
}

/// A column of a projection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    /// A declared field.
    Field(&'static Field),
    /// A count of the version, by its name.
    Count(&'static str),
}

/// Reads the columns of a projection.
pub(crate) fn projected(table: &str, projection: &[Column], row: &Row<'_>) -> Result<FoundRow, StoreError> {
    naming(table, row, |seq, columns| {
        let mut values = Vec::with_capacity(projection.len());
        for column in projection {
            values.push(match column {
                Column::Field(field) => columns.read(field)?.map(|value| plain(field, value)).transpose()?,
                Column::Count(name) => Some(columns.count(name)?.into()),
            });
        }
        let content = RowContent::Fields(values);
        Ok(FoundRow { content, version: Version::FIRST, mark: u128::from(seq.cast_unsigned()) })
    })
}

fn plain(field: &'static Field, value: StoredValue<'_>) -> Result<Value, DecodeError> {
    Ok(match value {
        StoredValue::Text(text) => Value::Text(text.into_owned().into()),
        StoredValue::Uuid(id) => Value::Uuid(id),
        StoredValue::Time(at) => Value::Time(at),
        StoredValue::Integer(number) => Value::Integer(number),
        StoredValue::Bytes(bytes) => Value::Bytes(Box::from(&*bytes)),
        StoredValue::Object(_) | StoredValue::Integers(_) => {
            return Err(DecodeError::Invalid { field: field.name, why: "cannot be part of a projection".to_owned() });
        }
    })
}
