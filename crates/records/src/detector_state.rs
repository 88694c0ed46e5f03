//! The record of the detector state. A store has one.

use rekindle_core::store::DetectorState;

use crate::declaration::Declaration;
use crate::decoder::{DecodeError, DecodeFields, Decoder};
use crate::encoder::{EncodeError, Encoder};
use crate::record::Record;

crate::declare_fields! {
    /// When the last pass began.
    LOOKED_AT = Field::time("looked_at").mutable();
    /// When the next pass is due.
    DUE_BY = Field::time("due_by").mutable();
    /// Before this time silence does not count.
    SILENCE_FROM = Field::time("silence_from").mutable();
}

use fields::{DUE_BY, LOOKED_AT, SILENCE_FROM};

pub(crate) static DECLARATION: Declaration = Declaration {
    name: "watch",
    fields: fields::ALL,
    key: None,
    sequence: "only_row",
    versioned: false,
    unique: &[],
    indexes: &[],
    counted: None,
    document_indexes: None,
};

impl Record for DetectorState {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.put(&LOOKED_AT, self.last_pass_at.into())?;
        to.put(&DUE_BY, self.next_pass_due.into())?;
        to.put(&SILENCE_FROM, self.grace_until.into())
    }

    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError> {
        let last_pass_at = from.time(&LOOKED_AT)?;
        Ok(Self { last_pass_at, next_pass_due: from.time(&DUE_BY)?, grace_until: from.time(&SILENCE_FROM)? })
    }
}
