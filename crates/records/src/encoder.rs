//! The side of a store that takes an entity's fields.

use std::error::Error;

use rekindle_core::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::field::Field;

/// The value of one field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'v> {
    /// The field is absent.
    Absent,
    /// A text.
    Text(&'v str),
    /// A UUID.
    Uuid(Uuid),
    /// A point in time.
    Time(Timestamp),
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bytes(&'v [u8]),
    /// A JSON object.
    Object(&'v Map<String, Value>),
    /// A list of whole numbers.
    Integers(Vec<i64>),
}

/// Why a store cannot take a field, as its own library puts it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EncodeError(pub Box<dyn Error + Send + Sync>);

/// Takes the fields of one record, in the order of its declaration.
pub trait Encoder {
    /// Takes the value of a field.
    ///
    /// # Errors
    /// Fails with the error of the store's library.
    fn put(&mut self, field: &'static Field, value: FieldValue<'_>) -> Result<(), EncodeError>;
}

impl<'v> From<&'v str> for FieldValue<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(text)
    }
}

impl From<Uuid> for FieldValue<'_> {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<Timestamp> for FieldValue<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

impl From<i64> for FieldValue<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl<'v> From<&'v [u8]> for FieldValue<'v> {
    fn from(bytes: &'v [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'v, const N: usize> From<&'v [u8; N]> for FieldValue<'v> {
    fn from(bytes: &'v [u8; N]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'v> From<&'v Map<String, Value>> for FieldValue<'v> {
    fn from(object: &'v Map<String, Value>) -> Self {
        Self::Object(object)
    }
}

impl From<Vec<i64>> for FieldValue<'_> {
    fn from(numbers: Vec<i64>) -> Self {
        Self::Integers(numbers)
    }
}

impl<'v, V: Into<FieldValue<'v>>> From<Option<V>> for FieldValue<'v> {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}
