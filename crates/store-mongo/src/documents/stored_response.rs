//! A remembered answer as a document. Its `_id` is the idempotency key's hash.

use bson::{Bson, Document, RawDocument, doc};
use rekindle_core::store::{IdempotencyKey, StoreError, StoredResponse};

use super::fields::naming;
use super::{bytes, date};

/// The `_id` of the answer under this key.
pub fn id(key: &IdempotencyKey) -> Bson {
    bytes(&key.0)
}

/// Everything but the `_id`.
pub fn fields(answer: &StoredResponse) -> Document {
    doc! {
        "request": bytes(&answer.request),
        "answer": bytes(&answer.answer),
        "at": date(answer.at),
        "until": date(answer.until),
    }
}

/// The answer of a document.
pub fn read(document: &RawDocument) -> Result<StoredResponse, StoreError> {
    naming("answers", "_id", document, |fields| {
        Ok(StoredResponse {
            key: IdempotencyKey(fields.hash("_id")?),
            request: fields.hash("request")?,
            answer: fields.bytes("answer")?.into(),
            at: fields.time("at")?,
            until: fields.time("until")?,
        })
    })
}
