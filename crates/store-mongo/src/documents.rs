//! Entities as documents and back. A document that makes no sense is `StoreError::Corrupt`, and the error names it.
//! What is none is not there: no field of ours is ever null.

pub mod event;
pub mod fields;
pub mod json;
pub mod key;
pub mod machine;
pub mod session;
pub mod stored_response;
pub mod task;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, doc};
use rekindle_core::Timestamp;
use rekindle_core::store::{Version, Versioned};
use uuid::Uuid;

/// Why a document makes no sense, in words; [`fields::naming`] adds which one.
pub type Nonsense = String;

/// A document of a list: the entity, and the mark that a cursor to it carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Marked<T> {
    /// The store's own order of documents: the `_id`.
    pub mark: Uuid,
    /// The entity.
    pub entity: Versioned<T>,
}

/// A point in time as BSON has it.
pub fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}

/// A mark as BSON has it. Twelve bytes are those of an `ObjectId`, which another program gave.
pub fn mark_id(mark: Uuid) -> Bson {
    match mark.into_bytes() {
        [0, 0, 0, 0, id @ ..] => Bson::ObjectId(bson::oid::ObjectId::from_bytes(id)),
        _ => Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: mark.as_bytes().to_vec() }),
    }
}

/// A number that never comes near the end of its range.
pub fn long(number: u64) -> Bson {
    Bson::Int64(i64::try_from(number).unwrap_or(i64::MAX))
}

/// What must be true of a document that is at this version: for a filter. One that another program made has no version,
/// and is at the first.
pub fn at_version(version: Version) -> Document {
    let expected = |number: u64, first: u64| match number == first {
        true => Bson::Document(doc! { "$in": [long(number), Bson::Null] }),
        false => long(number),
    };
    doc! {
        "revision": expected(version.revision, Version::FIRST.revision),
        "touches": expected(version.touches, Version::FIRST.touches),
    }
}

/// Sets the version of a new document.
pub fn set_version(document: &mut Document, version: Version) {
    document.insert("revision", long(version.revision));
    document.insert("touches", long(version.touches));
}

/// Bytes that mean nothing to the database.
fn bytes(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// What a row says, in two parts: what it was born with, and what may change.
struct Parts {
    born: Document,
    mutable: Document,
    /// Every field that may change, whether it is there or not.
    names: &'static [&'static str],
    heard: Option<Timestamp>,
}

impl Parts {
    /// The document of a new row.
    fn new_document(self, mark: Uuid) -> Document {
        let mut document = doc! { "_id": mark_id(mark) };
        document.extend(self.born);
        document.extend(self.heard.map(|at| ("last_heartbeat".to_owned(), Bson::DateTime(date(at)))));
        document.extend(self.mutable);
        set_version(&mut document, Version::FIRST);
        document
    }

    /// The update of a row that is at this version. The revision is set, not raised: a document that another program
    /// made has none to be raised.
    fn update(self, at: Version) -> Document {
        let mut gone = Document::new();
        for name in self.names.iter().filter(|name| !self.mutable.contains_key(**name)) {
            gone.insert(*name, "");
        }
        let mut set = self.mutable;
        set.insert("revision", long(at.after_put().revision));
        let mut update = doc! { "$set": set };
        if !gone.is_empty() {
            update.insert("$unset", gone);
        }
        if let Some(heard) = self.heard {
            update.insert("$max", doc! { "last_heartbeat": date(heard) });
        }
        update
    }
}

/// Sets a field if there is something to set.
fn set(document: &mut Document, key: &str, value: Option<impl Into<Bson>>) {
    if let Some(value) = value {
        document.insert(key, value);
    }
}

#[cfg(test)]
mod tests;
