//! The side of a store that takes an entity's fields.

use rekindle_core::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::declaration::Field;

/// Takes the fields of one record, in the order of its declaration. An absent value comes as `None`.
pub trait Encoder {
    /// How it fails.
    type Error;

    /// Takes a text.
    ///
    /// # Errors
    /// Those of the store's own library, as for every other method.
    fn text<'v>(&mut self, field: &'static Field, value: impl Into<Option<&'v str>>) -> Result<(), Self::Error>;

    /// Takes a UUID.
    ///
    /// # Errors
    /// See [`Encoder::text`].
    fn uuid(&mut self, field: &'static Field, value: impl Into<Option<Uuid>>) -> Result<(), Self::Error>;

    /// Takes a point in time.
    ///
    /// # Errors
    /// See [`Encoder::text`].
    fn time(&mut self, field: &'static Field, value: impl Into<Option<Timestamp>>) -> Result<(), Self::Error>;

    /// Takes a whole number.
    ///
    /// # Errors
    /// See [`Encoder::text`].
    fn integer(&mut self, field: &'static Field, value: impl Into<Option<i64>>) -> Result<(), Self::Error>;

    /// Takes bytes.
    ///
    /// # Errors
    /// See [`Encoder::text`].
    fn bytes(&mut self, field: &'static Field, value: &[u8]) -> Result<(), Self::Error>;

    /// Takes a JSON object.
    ///
    /// # Errors
    /// See [`Encoder::text`].
    fn object(&mut self, field: &'static Field, value: &Map<String, Value>) -> Result<(), Self::Error>;

    /// Takes a list of whole numbers.
    ///
    /// # Errors
    /// See [`Encoder::text`].
    fn integers(&mut self, field: &'static Field, values: impl Iterator<Item = i64>) -> Result<(), Self::Error>;
}
