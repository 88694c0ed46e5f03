//! The side of a store that gives an entity's fields back, and how that fails.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use rekindle_core::values::{Metadata, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::field::Field;

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

/// The value of one field, as a store gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredValue<'r> {
    /// A text.
    Text(Cow<'r, str>),
    /// A UUID.
    Uuid(Uuid),
    /// A point in time.
    Time(Timestamp),
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Bytes(Cow<'r, [u8]>),
    /// A JSON object.
    Object(Map<String, Value>),
    /// A list of whole numbers.
    Integers(Vec<i64>),
}

/// Gives the fields of one record, in the order of its declaration.
pub trait Decoder {
    /// Reads a field; `None` if it is absent. The value is of the field's declared type.
    ///
    /// # Errors
    /// Fails when the record holds a value of another type.
    fn read(&mut self, field: &'static Field) -> Result<Option<StoredValue<'_>>, DecodeError>;

    /// Returns a field's name as the store has it, for errors.
    fn name(&self, field: &'static Field) -> &'static str {
        field.name
    }

    /// Returns whether records of other programs are read, which lack the fields that are Rekindle's own.
    fn accepts_foreign(&self) -> bool {
        false
    }
}

/// Reads fields as values of their own types.
pub trait DecodeFields: Decoder {
    /// Returns the error for a value that a field cannot hold.
    fn invalid(&self, field: &'static Field, why: impl Display) -> DecodeError {
        DecodeError::Invalid { field: self.name(field), why: why.to_string() }
    }

    /// Returns a value that must be there.
    ///
    /// # Errors
    /// Fails when it is absent.
    #[inline]
    fn required<T>(&self, field: &'static Field, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or_else(|| DecodeError::Missing { field: self.name(field) })
    }

    /// Reads a text as a value of its own type.
    ///
    /// # Errors
    /// Fails when it is absent, or is no such value.
    #[inline]
    fn text<T: FromStr<Err: Display>>(&mut self, field: &'static Field) -> Result<T, DecodeError> {
        let text = self.optional_text(field)?;
        self.required(field, text)
    }

    /// Reads a text that may be absent as a value of its own type.
    ///
    /// # Errors
    /// Fails when it is no such value.
    #[inline]
    fn optional_text<T: FromStr<Err: Display>>(&mut self, field: &'static Field) -> Result<Option<T>, DecodeError> {
        let name = self.name(field);
        match self.read(field)? {
            None => Ok(None),
            Some(StoredValue::Text(text)) => {
                let parsed = text.parse().map_err(|error: T::Err| error.to_string());
                parsed.map(Some).map_err(|why| DecodeError::Invalid { field: name, why })
            }
            Some(other) => Err(unexpected(name, "a text", &other)),
        }
    }

    /// Reads a UUID that must be there.
    ///
    /// # Errors
    /// Fails when it is absent.
    #[inline]
    fn uuid(&mut self, field: &'static Field) -> Result<Uuid, DecodeError> {
        let id = self.optional_uuid(field)?;
        self.required(field, id)
    }

    /// Reads a UUID that may be absent.
    ///
    /// # Errors
    /// Fails when there is a value of another kind, as every other method.
    #[inline]
    fn optional_uuid(&mut self, field: &'static Field) -> Result<Option<Uuid>, DecodeError> {
        let name = self.name(field);
        match self.read(field)? {
            None => Ok(None),
            Some(StoredValue::Uuid(id)) => Ok(Some(id)),
            Some(other) => Err(unexpected(name, "a UUID", &other)),
        }
    }

    /// Reads a point in time that must be there.
    ///
    /// # Errors
    /// Fails when it is absent.
    #[inline]
    fn time(&mut self, field: &'static Field) -> Result<Timestamp, DecodeError> {
        let at = self.optional_time(field)?;
        self.required(field, at)
    }

    /// Reads a point in time that may be absent.
    ///
    /// # Errors
    /// See [`DecodeFields::optional_uuid`].
    #[inline]
    fn optional_time(&mut self, field: &'static Field) -> Result<Option<Timestamp>, DecodeError> {
        let name = self.name(field);
        match self.read(field)? {
            None => Ok(None),
            Some(StoredValue::Time(at)) => Ok(Some(at)),
            Some(other) => Err(unexpected(name, "a time", &other)),
        }
    }

    /// Reads a whole number that must be there, within the range of its type.
    ///
    /// # Errors
    /// Fails when it is absent or out of range.
    #[inline]
    fn number<T: TryFrom<i64>>(&mut self, field: &'static Field) -> Result<T, DecodeError> {
        let number = self.optional_number(field)?;
        self.required(field, number)
    }

    /// Reads a whole number that may be absent, within the range of its type.
    ///
    /// # Errors
    /// Fails when it is out of range.
    #[inline]
    fn optional_number<T: TryFrom<i64>>(&mut self, field: &'static Field) -> Result<Option<T>, DecodeError> {
        let name = self.name(field);
        match self.read(field)? {
            None => Ok(None),
            Some(StoredValue::Integer(number)) => match T::try_from(number) {
                Ok(in_range) => Ok(Some(in_range)),
                Err(_) => Err(DecodeError::Invalid { field: name, why: format!("cannot be {number}") }),
            },
            Some(other) => Err(unexpected(name, "a whole number", &other)),
        }
    }

    /// Reads a list of whole numbers that must be there.
    ///
    /// # Errors
    /// Fails when it is absent.
    fn integers(&mut self, field: &'static Field) -> Result<Vec<i64>, DecodeError> {
        let name = self.name(field);
        match self.read(field)? {
            None => Err(DecodeError::Missing { field: name }),
            Some(StoredValue::Integers(numbers)) => Ok(numbers),
            Some(other) => Err(unexpected(name, "a list of whole numbers", &other)),
        }
    }

    /// Reads bytes that must be there.
    ///
    /// # Errors
    /// Fails when they are absent.
    fn bytes(&mut self, field: &'static Field) -> Result<Box<[u8]>, DecodeError> {
        let name = self.name(field);
        match self.read(field)? {
            None => Err(DecodeError::Missing { field: name }),
            Some(StoredValue::Bytes(bytes)) => Ok(Box::from(&*bytes)),
            Some(other) => Err(unexpected(name, "bytes", &other)),
        }
    }

    /// Reads the 32 bytes of a hash.
    ///
    /// # Errors
    /// Fails when they are absent, or more or fewer.
    fn hash(&mut self, field: &'static Field) -> Result<[u8; 32], DecodeError> {
        let bytes = self.bytes(field)?;
        let found = bytes.len();
        <[u8; 32]>::try_from(&*bytes).map_err(|_| self.invalid(field, format!("must have 32 bytes, and has {found}")))
    }

    /// Reads a JSON object; an absent one is empty.
    ///
    /// # Errors
    /// See [`DecodeFields::optional_uuid`].
    fn object(&mut self, field: &'static Field) -> Result<Map<String, Value>, DecodeError> {
        let name = self.name(field);
        match self.read(field)? {
            None => Ok(Map::new()),
            Some(StoredValue::Object(object)) => Ok(object),
            Some(other) => Err(unexpected(name, "an object", &other)),
        }
    }

    /// Reads the caller's own data.
    ///
    /// # Errors
    /// Fails when it is larger than metadata may be.
    fn metadata(&mut self, field: &'static Field) -> Result<Metadata, DecodeError> {
        let content = self.object(field)?;
        if content.is_empty() {
            return Ok(Metadata::default());
        }
        Metadata::new(content).map_err(|error| self.invalid(field, error))
    }
}

impl<D: Decoder + ?Sized> DecodeFields for D {}

fn unexpected(field: &'static str, wanted: &str, found: &StoredValue<'_>) -> DecodeError {
    let found = match found {
        StoredValue::Text(_) => "a text",
        StoredValue::Uuid(_) => "a UUID",
        StoredValue::Time(_) => "a time",
        StoredValue::Integer(_) => "a whole number",
        StoredValue::Bytes(_) => "bytes",
        StoredValue::Object(_) => "an object",
        StoredValue::Integers(_) => "a list of whole numbers",
    };
    DecodeError::Invalid { field, why: format!("must be {wanted}, and is {found}") }
}
