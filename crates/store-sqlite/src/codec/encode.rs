//! The fields of a record as the parameters of a statement, in the order of the declaration.

use std::borrow::Cow;

use rekindle_core::store::Key;
use rekindle_records::{EncodeError, Encoder, Field, FieldValue};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Error, Result, Statement, ToSql};

/// Binds values to a statement one after the other.
pub(crate) struct RowEncoder<'s, 'c> {
    statement: &'s mut Statement<'c>,
    next: usize,
}

impl<'s, 'c> RowEncoder<'s, 'c> {
    /// Begins at the first parameter.
    pub(crate) fn of(statement: &'s mut Statement<'c>) -> Self {
        Self { statement, next: 1 }
    }

    /// Binds the next parameter.
    pub(crate) fn bind(&mut self, value: impl ToSql) -> Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }
}

impl Encoder for RowEncoder<'_, '_> {
    fn put(&mut self, _: &'static Field, value: FieldValue<'_>) -> std::result::Result<(), EncodeError> {
        let bound = match value {
            FieldValue::Absent => self.bind(None::<i64>),
            FieldValue::Text(text) => self.bind(text),
            FieldValue::Uuid(id) => self.bind(id.as_bytes()),
            FieldValue::Time(at) => self.bind(at.millis()),
            FieldValue::Integer(number) => self.bind(number),
            FieldValue::Bytes(bytes) => self.bind(bytes),
            FieldValue::Object(object) if object.is_empty() => self.bind("{}"),
            FieldValue::Object(object) => match serde_json::to_string(object) {
                Ok(text) => self.bind(text),
                Err(error) => Err(Error::ToSqlConversionFailure(Box::new(error))),
            },
            FieldValue::Integers(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                self.bind(format!("[{}]", numbers.join(",")))
            }
        };
        bound.map_err(|error| EncodeError(Box::new(error)))
    }
}

/// Returns SQLite's own error of a record that could not be bound.
pub(crate) fn sqlite_error(error: EncodeError) -> Error {
    error.0.downcast().map_or_else(Error::ToSqlConversionFailure, |error| *error)
}

/// Returns a key as a parameter.
pub(crate) fn key_parameter(key: &Key) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match key {
        Key::Uuid(id) => ValueRef::Blob(id.as_bytes()),
        Key::Text(text) => ValueRef::Text(text.as_bytes()),
        Key::Bytes(bytes) => ValueRef::Blob(bytes),
    })
}

/// Returns a value that a condition compares with as a parameter.
pub(crate) fn parameter(value: &rekindle_core::store::Value) -> rusqlite::types::Value {
    use rekindle_core::store::Value;
    use rusqlite::types::Value as Parameter;
    match value {
        Value::Text(text) => Parameter::Text(Cow::clone(text).into_owned()),
        Value::Uuid(id) => Parameter::Blob(id.as_bytes().to_vec()),
        Value::Time(at) => Parameter::Integer(at.millis()),
        Value::Integer(number) => Parameter::Integer(*number),
        Value::Bytes(bytes) => Parameter::Blob(bytes.to_vec()),
    }
}
