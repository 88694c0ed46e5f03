//! The record of a stored response, under the hash of its idempotency key.

use rekindle_core::store::{IdempotencyKey, StoredResponse};

use crate::declaration::Declaration;
use crate::decoder::{DecodeError, DecodeFields, Decoder};
use crate::encoder::{EncodeError, Encoder};
use crate::index::Index;
use crate::record::Record;

crate::declare_fields! {
    /// The hash of the idempotency key and of who sent it.
    KEY = Field::bytes("key").named_in_documents("_id");
    /// A hash of the request.
    REQUEST = Field::bytes("request").mutable();
    /// What was answered.
    ANSWER = Field::bytes("answer").mutable();
    /// When.
    AT = Field::time("at").mutable();
    /// The time of its expiry.
    UNTIL = Field::time("until").mutable();
}

use fields::{ANSWER, AT, KEY, REQUEST, UNTIL};

/// The one standing response of a key is no [`crate::UniqueSet`]: it depends on the time of the commit.
pub(crate) static DECLARATION: Declaration = Declaration {
    name: "answers",
    fields: fields::ALL,
    key: Some(&KEY),
    sequence: "rowid",
    versioned: false,
    unique: &[],
    indexes: &[Index::of("until", &[&UNTIL])],
    counted: None,
    // A document store finds a response by its `_id`, and has the server delete it.
    document_indexes: Some(&[]),
};

impl Record for StoredResponse {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.put(&KEY, (&self.key.0).into())?;
        to.put(&REQUEST, (&self.request).into())?;
        to.put(&ANSWER, (&*self.answer).into())?;
        to.put(&AT, self.at.into())?;
        to.put(&UNTIL, self.until.into())
    }

    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError> {
        let key = IdempotencyKey(from.hash(&KEY)?);
        let request = from.hash(&REQUEST)?;
        Ok(Self { key, request, answer: from.bytes(&ANSWER)?, at: from.time(&AT)?, until: from.time(&UNTIL)? })
    }
}
