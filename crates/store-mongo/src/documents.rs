//! Entities as documents and back. A document that cannot be decoded is `StoreError::Corrupt`, and the error names it.
//! An absent value has no field: Rekindle never writes null.

pub(crate) mod event;
pub(crate) mod fields;
pub(crate) mod json;
pub(crate) mod record;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, doc};
use rekindle_core::Timestamp;
use rekindle_core::store::Version;
use uuid::Uuid;

/// Why a document cannot be decoded; [`fields::decode`] adds which one.
pub(crate) type DecodeError = String;

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

#[cfg(test)]
mod tests;
