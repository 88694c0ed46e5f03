//! The side of a store that gives an entity's fields back, and how that fails.

use std::fmt::Display;
use std::str::FromStr;

use rekindle_core::values::{Metadata, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::declaration::Field;

/// Why a record makes no sense. The store adds which record it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field holds what it cannot hold.
    #[error("{field} {why}")]
    Invalid {
        /// The field's name, as the store has it.
        field: &'static str,
        /// Why, as words that follow the name.
        why: String,
    },
    /// A field is absent that must be there.
    #[error("{field} is missing")]
    Missing {
        /// The field's name, as the store has it.
        field: &'static str,
    },
    /// The fields contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// The store's library cannot read a value, in its own words.
    #[error("{0}")]
    Unreadable(String),
}

/// Gives the fields of one record, in the order of its declaration. A store implements the `read_` methods.
pub trait Decoder {
    /// Whether records of other programs are read, which lack the fields that are Rekindle's own.
    const ACCEPTS_FOREIGN: bool = false;

    /// Returns a field's name as the store has it, for errors.
    fn name(field: &'static Field) -> &'static str {
        field.name
    }

    /// Reads a text.
    ///
    /// # Errors
    /// Fails when there is a value of another kind, as every other `read_` method.
    fn read_text(&mut self, field: &'static Field) -> Result<Option<&str>, DecodeError>;

    /// Reads a UUID.
    ///
    /// # Errors
    /// See [`Decoder::read_text`].
    fn read_uuid(&mut self, field: &'static Field) -> Result<Option<Uuid>, DecodeError>;

    /// Reads a point in time.
    ///
    /// # Errors
    /// See [`Decoder::read_text`].
    fn read_time(&mut self, field: &'static Field) -> Result<Option<Timestamp>, DecodeError>;

    /// Reads a whole number.
    ///
    /// # Errors
    /// See [`Decoder::read_text`].
    fn read_integer(&mut self, field: &'static Field) -> Result<Option<i64>, DecodeError>;

    /// Reads bytes.
    ///
    /// # Errors
    /// See [`Decoder::read_text`].
    fn read_bytes(&mut self, field: &'static Field) -> Result<Option<&[u8]>, DecodeError>;

    /// Reads a JSON object; an absent one is empty.
    ///
    /// # Errors
    /// See [`Decoder::read_text`].
    fn read_object(&mut self, field: &'static Field) -> Result<Map<String, Value>, DecodeError>;

    /// Reads a list of whole numbers.
    ///
    /// # Errors
    /// See [`Decoder::read_text`].
    fn read_integers(&mut self, field: &'static Field) -> Result<Option<Vec<i64>>, DecodeError>;

    /// Returns the error for a value that a field cannot hold.
    fn invalid(field: &'static Field, why: impl Display) -> DecodeError {
        DecodeError::Invalid { field: Self::name(field), why: why.to_string() }
    }

    /// Returns a value that must be there.
    ///
    /// # Errors
    /// Fails when it is absent.
    fn required<T>(field: &'static Field, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or(DecodeError::Missing { field: Self::name(field) })
    }

    /// Reads a text as a value of its own type.
    ///
    /// # Errors
    /// Fails when it is absent, or is no such value.
    fn text<T: FromStr<Err: Display>>(&mut self, field: &'static Field) -> Result<T, DecodeError> {
        Self::required(field, self.optional_text(field)?)
    }

    /// Reads a text that may be absent as a value of its own type.
    ///
    /// # Errors
    /// Fails when it is no such value.
    fn optional_text<T: FromStr<Err: Display>>(&mut self, field: &'static Field) -> Result<Option<T>, DecodeError> {
        let text = self.read_text(field)?;
        text.map(str::parse).transpose().map_err(|error| Self::invalid(field, error))
    }

    /// Reads a UUID that must be there.
    ///
    /// # Errors
    /// Fails when it is absent.
    fn uuid(&mut self, field: &'static Field) -> Result<Uuid, DecodeError> {
        Self::required(field, self.read_uuid(field)?)
    }

    /// Reads a point in time that must be there.
    ///
    /// # Errors
    /// Fails when it is absent.
    fn time(&mut self, field: &'static Field) -> Result<Timestamp, DecodeError> {
        Self::required(field, self.read_time(field)?)
    }

    /// Reads a whole number that must be there, within the range of its type.
    ///
    /// # Errors
    /// Fails when it is absent or out of range.
    fn number<T: TryFrom<i64>>(&mut self, field: &'static Field) -> Result<T, DecodeError> {
        Self::required(field, self.optional_number(field)?)
    }

    /// Reads a whole number that may be absent, within the range of its type.
    ///
    /// # Errors
    /// Fails when it is out of range.
    fn optional_number<T: TryFrom<i64>>(&mut self, field: &'static Field) -> Result<Option<T>, DecodeError> {
        let number = self.read_integer(field)?;
        let in_range = |number| T::try_from(number).map_err(|_| Self::invalid(field, format!("cannot be {number}")));
        number.map(in_range).transpose()
    }

    /// Reads the 32 bytes of a hash.
    ///
    /// # Errors
    /// Fails when they are absent, or more or fewer.
    fn hash(&mut self, field: &'static Field) -> Result<[u8; 32], DecodeError> {
        let bytes = Self::required(field, self.read_bytes(field)?)?;
        let found = bytes.len();
        bytes.try_into().map_err(|_| Self::invalid(field, format!("must have 32 bytes, and has {found}")))
    }

    /// Reads the caller's own data.
    ///
    /// # Errors
    /// Fails when it is larger than metadata may be.
    fn metadata(&mut self, field: &'static Field) -> Result<Metadata, DecodeError> {
        let content = self.read_object(field)?;
        if content.is_empty() {
            return Ok(Metadata::default());
        }
        Metadata::new(content).map_err(|error| Self::invalid(field, error))
    }
}
