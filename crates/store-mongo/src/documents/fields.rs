//! The fields of a document, read one after the other. They are mostly read in the order in which they are stored, so
//! that each is found where the last one ended.

use std::cell::Cell;
use std::fmt::Display;
use std::str::FromStr;

use bson::RawDocument;
use bson::raw::RawBsonRef;
use bson::spec::BinarySubtype;
use rekindle_core::store::{StoreError, Version};
use rekindle_core::values::{Metadata, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{DecodeError, json};

/// The fields of one document. A field that is null counts as absent.
pub(crate) struct Fields<'d> {
    all: Vec<(&'d str, RawBsonRef<'d>)>,
    next: Cell<usize>,
}

/// Decodes a document. An error names the document by its collection and the field `id`.
pub(crate) fn decode<'d, T>(
    collection: &str,
    id: &str,
    document: &'d RawDocument,
    read: impl FnOnce(&Fields<'d>) -> Result<T, DecodeError>,
) -> Result<T, StoreError> {
    Fields::of(document).and_then(|fields| read(&fields)).map_err(|error| {
        let own = document.get(id).ok().flatten().and_then(|id| id.as_str().map(str::to_owned));
        let which = own.or_else(|| document.get("_id").ok().flatten().map(|id| format!("_id {id:?}")));
        let which = which.unwrap_or_else(|| "that cannot be named".to_owned());
        StoreError::Corrupt(format!("document {which} of collection {collection}: {error}"))
    })
}

impl<'d> Fields<'d> {
    fn of(document: &'d RawDocument) -> Result<Self, DecodeError> {
        let mut all = Vec::with_capacity(32);
        for element in document {
            let (key, value) = element.map_err(|error| error.to_string())?;
            all.push((key.as_str(), value));
        }
        Ok(Self { all, next: Cell::new(0) })
    }

    /// Returns a field undecoded.
    pub(crate) fn raw(&self, key: &str) -> Option<RawBsonRef<'d>> {
        let (before, from_next) = self.all.split_at(self.next.get().min(self.all.len()));
        let ahead = from_next.iter().position(|(name, _)| *name == key).map(|at| before.len() + at);
        let at = ahead.or_else(|| before.iter().position(|(name, _)| *name == key))?;
        self.next.set(at + 1);
        self.all.get(at).map(|(_, value)| *value).filter(|value| value.as_null().is_none())
    }

    fn some<T>(
        &self,
        key: &str,
        kind: &str,
        read: impl FnOnce(RawBsonRef<'d>) -> Option<T>,
    ) -> Result<Option<T>, DecodeError> {
        let Some(value) = self.raw(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| format!("{key} must be {kind}, and is {:?}", value.element_type()))
    }

    /// Parses a text, such as a status or an id.
    pub(crate) fn parsed_or_none<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>, DecodeError> {
        let text = self.some(key, "a text", RawBsonRef::as_str)?;
        text.map(str::parse).transpose().map_err(|error| format!("{key} {error}"))
    }

    /// Parses a text that must be there.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, DecodeError> {
        self.parsed_or_none(key)?.ok_or_else(|| missing(key))
    }

    pub(crate) fn time_or_none(&self, key: &str) -> Result<Option<Timestamp>, DecodeError> {
        let date = self.some(key, "a date", RawBsonRef::as_datetime)?;
        Ok(date.map(|date| Timestamp::from_millis(date.timestamp_millis())))
    }

    /// Returns a time that must be there.
    pub(crate) fn time(&self, key: &str) -> Result<Timestamp, DecodeError> {
        self.time_or_none(key)?.ok_or_else(|| missing(key))
    }

    /// Returns a whole number in the range of its type.
    pub(crate) fn number_or_none<T: TryFrom<i64>>(&self, key: &str) -> Result<Option<T>, DecodeError> {
        let number = self.some(key, "a whole number", whole_number)?;
        number.map(|number| T::try_from(number).map_err(|_| format!("{key} cannot be {number}"))).transpose()
    }

    pub(crate) fn items<T>(
        &self,
        key: &str,
        item: impl Fn(RawBsonRef<'d>) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut read = Vec::new();
        for value in self.some(key, "an array", RawBsonRef::as_array)?.ok_or_else(|| missing(key))? {
            read.push(item(value.map_err(|error| error.to_string())?)?);
        }
        Ok(read)
    }

    pub(crate) fn object(&self, key: &str, text_key: &str) -> Result<Map<String, Value>, DecodeError> {
        json::get(self.raw(key), self.raw(text_key)).map_err(|error| format!("{key} {error}"))
    }

    pub(crate) fn metadata(&self) -> Result<Metadata, DecodeError> {
        let content = self.object("metadata", "metadata_json")?;
        if content.is_empty() {
            return Ok(Metadata::default());
        }
        Metadata::new(content).map_err(|error| format!("metadata {error}"))
    }

    /// Returns the version. A document that another program made is at the first.
    pub(crate) fn version(&self) -> Result<Version, DecodeError> {
        Ok(Version {
            revision: self.number_or_none("revision")?.unwrap_or(Version::FIRST.revision),
            touches: self.number_or_none("touches")?.unwrap_or(Version::FIRST.touches),
        })
    }

    /// Returns bytes that must be there.
    pub(crate) fn bytes(&self, key: &str) -> Result<&'d [u8], DecodeError> {
        let generic =
            |value: RawBsonRef<'d>| value.as_binary().filter(|binary| binary.subtype == BinarySubtype::Generic);
        self.some(key, "generic bytes", |value| generic(value).map(|binary| binary.bytes))?.ok_or_else(|| missing(key))
    }

    /// Returns a SHA-256 that must be there.
    pub(crate) fn hash(&self, key: &str) -> Result<[u8; 32], DecodeError> {
        let bytes = self.bytes(key)?;
        bytes.try_into().map_err(|_| format!("{key} must have 32 bytes, and has {}", bytes.len()))
    }

    /// Returns the mark. An `ObjectId`, which other programs write, counts as its twelve bytes.
    pub(crate) fn mark(&self) -> Result<Uuid, DecodeError> {
        self.mark_in("_id")
    }

    /// Returns the mark where it is not the `_id`.
    pub(crate) fn mark_in(&self, key: &str) -> Result<Uuid, DecodeError> {
        let id = self.raw(key).ok_or_else(|| missing(key))?;
        if let Some(id) = id.as_object_id() {
            let number = id.bytes().iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
            return Ok(Uuid::from_u128(number));
        }
        let binary = id.as_binary().filter(|binary| binary.subtype == BinarySubtype::Uuid);
        let mark = binary.and_then(|binary| Uuid::from_slice(binary.bytes).ok());
        mark.ok_or_else(|| format!("{key} must be a UUID or an ObjectId, and is {:?}", id.element_type()))
    }
}

pub(crate) fn missing(key: &str) -> DecodeError {
    format!("{key} is missing")
}

/// JavaScript programs write whole numbers as doubles, and small ones as 32 bits.
pub(crate) fn whole_number(value: RawBsonRef<'_>) -> Option<i64> {
    let float = |float: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "checked by the way back")]
        let integer = float as i64;
        #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
        let same = integer.unsigned_abs() < 1 << 53 && (integer as f64).to_bits() == float.to_bits();
        same.then_some(integer)
    };
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).or_else(|| value.as_f64().and_then(float))
}
