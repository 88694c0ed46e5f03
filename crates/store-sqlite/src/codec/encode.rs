//! The fields of a record as the parameters of a statement, in the order of the declaration.

use rekindle_core::values::Timestamp;
use rekindle_records::{Encoder, Field, Key};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Error, Result, Statement, ToSql};
use serde_json::{Map, Value};
use uuid::Uuid;

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
    type Error = Error;

    fn text<'v>(&mut self, _: &'static Field, value: impl Into<Option<&'v str>>) -> Result<()> {
        self.bind(value.into())
    }

    fn uuid(&mut self, _: &'static Field, value: impl Into<Option<Uuid>>) -> Result<()> {
        self.bind(value.into().map(Uuid::into_bytes))
    }

    fn time(&mut self, _: &'static Field, value: impl Into<Option<Timestamp>>) -> Result<()> {
        self.bind(value.into().map(Timestamp::millis))
    }

    fn integer(&mut self, _: &'static Field, value: impl Into<Option<i64>>) -> Result<()> {
        self.bind(value.into())
    }

    fn bytes(&mut self, _: &'static Field, value: &[u8]) -> Result<()> {
        self.bind(value)
    }

    fn object(&mut self, _: &'static Field, value: &Map<String, Value>) -> Result<()> {
        if value.is_empty() {
            return self.bind("{}");
        }
        let text = serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))?;
        self.bind(text)
    }

    fn integers(&mut self, _: &'static Field, values: impl Iterator<Item = i64>) -> Result<()> {
        let numbers: Vec<String> = values.map(|number| number.to_string()).collect();
        self.bind(format!("[{}]", numbers.join(",")))
    }
}

/// Returns a key as a parameter.
pub(crate) fn key_parameter<'k>(key: &'k Key<'_>) -> ToSqlOutput<'k> {
    ToSqlOutput::Borrowed(match key {
        Key::Uuid(id) => ValueRef::Blob(id.as_bytes()),
        Key::Text(text) => ValueRef::Text(text.as_bytes()),
        Key::Bytes(bytes) => ValueRef::Blob(bytes),
    })
}
