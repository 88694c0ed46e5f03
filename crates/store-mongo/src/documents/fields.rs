//! The fields of a document, read one after the other. They are mostly read in the order in which they are stored, so
//! that each is found where the last one ended.

use std::cell::Cell;

use bson::RawDocument;
use bson::raw::RawBsonRef;
use bson::spec::BinarySubtype;
use rekindle_core::store::{StoreError, Version};
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
    read: impl FnOnce(&mut Fields<'d>) -> Result<T, DecodeError>,
) -> Result<T, StoreError> {
    Fields::of(document).and_then(|mut fields| read(&mut fields)).map_err(|error| {
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

    /// Returns a field of this kind.
    pub(super) fn some<T>(
        &self,
        key: &'static str,
        kind: &str,
        read: impl FnOnce(RawBsonRef<'d>) -> Option<T>,
    ) -> Result<Option<T>, rekindle_records::DecodeError> {
        let Some(value) = self.raw(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| rekindle_records::DecodeError::Invalid {
            field: key,
            why: format!("must be {kind}, and is {:?}", value.element_type()),
        })
    }

    /// Returns a whole number in the range of its type.
    pub(crate) fn number_or_none<T: TryFrom<i64>>(&self, key: &'static str) -> Result<Option<T>, DecodeError> {
        let number = self.some(key, "a whole number", whole_number).map_err(|error| error.to_string())?;
        number.map(|number| T::try_from(number).map_err(|_| format!("{key} cannot be {number}"))).transpose()
    }

    /// Returns an object, or its text if there is one.
    pub(crate) fn object(&self, key: &str, text_key: &str) -> Result<Map<String, Value>, DecodeError> {
        json::get(self.raw(key), self.raw(text_key)).map_err(|error| format!("{key} {error}"))
    }

    /// Returns the version. A document that another program made is at the first.
    pub(crate) fn version(&self) -> Result<Version, DecodeError> {
        Ok(Version {
            revision: self.number_or_none("revision")?.unwrap_or(Version::FIRST.revision),
            touches: self.number_or_none("touches")?.unwrap_or(Version::FIRST.touches),
        })
    }

    /// Returns the mark in this field. An `ObjectId`, which other programs write, counts as its twelve bytes.
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
