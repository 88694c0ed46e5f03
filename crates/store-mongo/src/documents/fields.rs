//! A document's fields, read one after the other. They are mostly in the order in which we wrote them, so that each is
//! found where the last one ended.

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

use super::{Nonsense, json};

/// The fields of one document. A field that is null counts as absent.
pub struct Fields<'d> {
    all: Vec<(&'d str, RawBsonRef<'d>)>,
    next: Cell<usize>,
}

/// Reads a document, and adds to its nonsense which one it was: its collection, and what `id` names.
pub fn naming<'d, T>(
    collection: &str,
    id: &str,
    document: &'d RawDocument,
    read: impl FnOnce(&Fields<'d>) -> Result<T, Nonsense>,
) -> Result<T, StoreError> {
    Fields::of(document).and_then(|fields| read(&fields)).map_err(|nonsense| {
        let own = document.get(id).ok().flatten().and_then(|id| id.as_str().map(str::to_owned));
        let which = own.or_else(|| document.get("_id").ok().flatten().map(|id| format!("_id {id:?}")));
        let which = which.unwrap_or_else(|| "that cannot be named".to_owned());
        StoreError::Corrupt(format!("document {which} of collection {collection}: {nonsense}"))
    })
}

impl<'d> Fields<'d> {
    fn of(document: &'d RawDocument) -> Result<Self, Nonsense> {
        let mut all = Vec::with_capacity(32);
        for element in document {
            let (key, value) = element.map_err(|fault| fault.to_string())?;
            all.push((key.as_str(), value));
        }
        Ok(Self { all, next: Cell::new(0) })
    }

    /// A field as it is.
    pub fn raw(&self, key: &str) -> Option<RawBsonRef<'d>> {
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
    ) -> Result<Option<T>, Nonsense> {
        let Some(value) = self.raw(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| format!("{key} must be {kind}, and is {:?}", value.element_type()))
    }

    /// A text that means something by itself, such as a status or an id.
    pub fn member_or_none<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>, Nonsense> {
        let text = self.some(key, "a text", RawBsonRef::as_str)?;
        text.map(str::parse).transpose().map_err(|fault| format!("{key} {fault}"))
    }

    /// The same, of a field that must be there.
    pub fn member<T: FromStr<Err: Display>>(&self, key: &str) -> Result<T, Nonsense> {
        self.member_or_none(key)?.ok_or_else(|| missing(key))
    }

    /// A point in time.
    pub fn time_or_none(&self, key: &str) -> Result<Option<Timestamp>, Nonsense> {
        let date = self.some(key, "a date", RawBsonRef::as_datetime)?;
        Ok(date.map(|date| Timestamp::from_millis(date.timestamp_millis())))
    }

    /// The same, of a field that must be there.
    pub fn time(&self, key: &str) -> Result<Timestamp, Nonsense> {
        self.time_or_none(key)?.ok_or_else(|| missing(key))
    }

    /// A whole number in the range of its type.
    pub fn number_or_none<T: TryFrom<i64>>(&self, key: &str) -> Result<Option<T>, Nonsense> {
        let number = self.some(key, "a whole number", whole)?;
        number.map(|number| T::try_from(number).map_err(|_| format!("{key} cannot be {number}"))).transpose()
    }

    /// The items of an array.
    pub fn items<T>(
        &self,
        key: &str,
        item: impl Fn(RawBsonRef<'d>) -> Result<T, Nonsense>,
    ) -> Result<Vec<T>, Nonsense> {
        let mut read = Vec::new();
        for value in self.some(key, "an array", RawBsonRef::as_array)?.ok_or_else(|| missing(key))? {
            read.push(item(value.map_err(|fault| fault.to_string())?)?);
        }
        Ok(read)
    }

    /// A JSON object.
    pub fn object(&self, key: &str, text_key: &str) -> Result<Map<String, Value>, Nonsense> {
        json::get(self.raw(key), self.raw(text_key)).map_err(|fault| format!("{key} {fault}"))
    }

    /// The client's own data.
    pub fn metadata(&self) -> Result<Metadata, Nonsense> {
        let content = self.object("metadata", "metadata_json")?;
        if content.is_empty() {
            return Ok(Metadata::default());
        }
        Metadata::new(content).map_err(|fault| format!("metadata {fault}"))
    }

    /// The version. A document that another program made is at the first.
    pub fn version(&self) -> Result<Version, Nonsense> {
        Ok(Version {
            revision: self.number_or_none("revision")?.unwrap_or(Version::FIRST.revision),
            touches: self.number_or_none("touches")?.unwrap_or(Version::FIRST.touches),
        })
    }

    /// Bytes that must be there.
    pub fn bytes(&self, key: &str) -> Result<&'d [u8], Nonsense> {
        let generic =
            |value: RawBsonRef<'d>| value.as_binary().filter(|binary| binary.subtype == BinarySubtype::Generic);
        self.some(key, "generic bytes", |value| generic(value).map(|binary| binary.bytes))?.ok_or_else(|| missing(key))
    }

    /// The same, of a SHA-256.
    pub fn hash(&self, key: &str) -> Result<[u8; 32], Nonsense> {
        let bytes = self.bytes(key)?;
        bytes.try_into().map_err(|_| format!("{key} must have 32 bytes, and has {}", bytes.len()))
    }

    /// The mark of order. An `ObjectId`, as other programs give it, counts as its twelve bytes.
    pub fn mark(&self) -> Result<Uuid, Nonsense> {
        self.mark_in("_id")
    }

    /// The same, where it is not the `_id`.
    pub fn mark_in(&self, key: &str) -> Result<Uuid, Nonsense> {
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

/// A field that is not there.
pub fn missing(key: &str) -> Nonsense {
    format!("{key} is missing")
}

/// JavaScript writes whole numbers as doubles, and small ones as 32 bits.
pub fn whole(value: RawBsonRef<'_>) -> Option<i64> {
    let float = |float: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "checked by the way back")]
        let integer = float as i64;
        #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
        let same = integer.unsigned_abs() < 1 << 53 && (integer as f64).to_bits() == float.to_bits();
        same.then_some(integer)
    };
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).or_else(|| value.as_f64().and_then(float))
}
