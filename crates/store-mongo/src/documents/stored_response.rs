//! A stored response as a document. Its `_id` is the hash of the idempotency key.

use bson::{Bson, Document, RawDocument, doc};
use rekindle_core::store::{IdempotencyKey, StoreError, StoredResponse};

use super::fields::decode;
use super::{bytes, date};

/// Returns the `_id` of the response under this key.
pub(crate) fn id(key: &IdempotencyKey) -> Bson {
    bytes(&key.0)
}

/// Returns all fields but the `_id`.
pub(crate) fn fields(answer: &StoredResponse) -> Document {
    doc! {
        "request": bytes(&answer.request),
        "answer": bytes(&answer.answer),
        "at": date(answer.at),
        "until": date(answer.until),
    }
}

pub(crate) fn read(document: &RawDocument) -> Result<StoredResponse, StoreError> {
    decode("answers", "_id", document, |fields| {
        Ok(StoredResponse {
            key: IdempotencyKey(fields.hash("_id")?),
            request: fields.hash("request")?,
            answer: fields.bytes("answer")?.into(),
            at: fields.time("at")?,
            until: fields.time("until")?,
        })
    })
}
