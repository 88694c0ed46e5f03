//! Entities as documents and back. A document that cannot be decoded is `StoreError::Corrupt`, and the error names it.
//! An absent value has no field: Rekindle never writes null.

pub(crate) mod event;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod key;
pub(crate) mod machine;
pub(crate) mod session;
pub(crate) mod stored_response;
pub(crate) mod task;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, doc};
use rekindle_core::Timestamp;
use rekindle_core::store::{Version, Versioned};
use uuid::Uuid;

/// Why a document cannot be decoded; [`fields::decode`] adds which one.
pub(crate) type DecodeError = String;

/// A decoded document, with the mark that a cursor to it carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Marked<T> {
    /// The `_id`, by which rows of the same time are ordered.
    pub(crate) mark: Uuid,
    pub(crate) entity: Versioned<T>,
}

pub(crate) fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}

/// Encodes a mark. Twelve bytes are those of an `ObjectId`, which another program made.
pub(crate) fn mark_id(mark: Uuid) -> Bson {
    match mark.into_bytes() {
        [0, 0, 0, 0, id @ ..] => Bson::ObjectId(bson::oid::ObjectId::from_bytes(id)),
        _ => Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: mark.as_bytes().to_vec() }),
    }
}

/// Encodes a number that never comes near the end of its range.
pub(crate) fn long(number: u64) -> Bson {
    Bson::Int64(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Returns the filter of a document at this version. A document that another program made has no version, and is at the
/// first.
pub(crate) fn at_version(version: Version) -> Document {
    let expected = |number: u64, first: u64| match number == first {
        true => Bson::Document(doc! { "$in": [long(number), Bson::Null] }),
        false => long(number),
    };
    doc! {
        "revision": expected(version.revision, Version::FIRST.revision),
        "touches": expected(version.touches, Version::FIRST.touches),
    }
}

pub(crate) fn set_version(document: &mut Document, version: Version) {
    document.insert("revision", long(version.revision));
    document.insert("touches", long(version.touches));
}

/// Encodes bytes that the database does not interpret.
fn bytes(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// The fields of a row, in two parts: the immutable and the mutable ones.
struct Parts {
    immutable: Document,
    mutable: Document,
    /// Every mutable field, whether the row has it or not.
    mutable_names: &'static [&'static str],
    last_heartbeat: Option<Timestamp>,
}

impl Parts {
    /// Returns the document of a new row.
    fn new_document(self, mark: Uuid) -> Document {
        let mut document = doc! { "_id": mark_id(mark) };
        document.extend(self.immutable);
        document.extend(self.last_heartbeat.map(|at| ("last_heartbeat".to_owned(), Bson::DateTime(date(at)))));
        document.extend(self.mutable);
        set_version(&mut document, Version::FIRST);
        document
    }

    /// Returns the update of a row at this version. The revision is set, not incremented: a document that another
    /// program made has none.
    fn update(self, at: Version) -> Document {
        let mut gone = Document::new();
        for name in self.mutable_names.iter().filter(|name| !self.mutable.contains_key(**name)) {
            gone.insert(*name, "");
        }
        let mut set = self.mutable;
        set.insert("revision", long(at.after_put().revision));
        let mut update = doc! { "$set": set };
        if !gone.is_empty() {
            update.insert("$unset", gone);
        }
        if let Some(last_heartbeat) = self.last_heartbeat {
            update.insert("$max", doc! { "last_heartbeat": date(last_heartbeat) });
        }
        update
    }
}

/// Sets a field if it has a value.
fn set(document: &mut Document, key: &str, value: Option<impl Into<Bson>>) {
    if let Some(value) = value {
        document.insert(key, value);
    }
}

#[cfg(test)]
mod tests;
