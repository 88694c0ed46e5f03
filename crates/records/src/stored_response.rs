//! The record of a stored response, under the hash of its idempotency key.

use rekindle_core::store::{IdempotencyKey, StoredResponse};

use crate::declaration::{Declaration, Index, declare_fields};
use crate::decoder::{DecodeError, Decoder};
use crate::encoder::Encoder;
use crate::record::{Key, Record};

declare_fields! {
    /// The hash of the idempotency key and of who sent it.
    KEY = Field::bytes("key").named_in_documents("_id");
    /// A hash of the request.
    REQUEST = Field::bytes("request").mutable();
    /// What was answered.
    ANSWER = Field::bytes("answer").mutable();
    /// When.
    AT = Field::time("at").mutable();
    /// Until when it stands.
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
};

impl Record for StoredResponse {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn key(&self) -> Option<Key<'_>> {
        Some(Key::Bytes(&self.key.0))
    }

    fn encode<E: Encoder>(&self, to: &mut E) -> Result<(), E::Error> {
        to.bytes(&KEY, &self.key.0)?;
        to.bytes(&REQUEST, &self.request)?;
        to.bytes(&ANSWER, &self.answer)?;
        to.time(&AT, self.at)?;
        to.time(&UNTIL, self.until)
    }

    fn decode<D: Decoder>(from: &mut D) -> Result<Self, DecodeError> {
        let key = IdempotencyKey(from.hash(&KEY)?);
        let request = from.hash(&REQUEST)?;
        let answer = from.read_bytes(&ANSWER)?.map(Box::from);
        Ok(Self { key, request, answer: D::required(&ANSWER, answer)?, at: from.time(&AT)?, until: from.time(&UNTIL)? })
    }
}
