//! The stored shape of each entity, declared once: its fields, its key, its unique rules and its indexes, and the code
//! that takes an entity apart into fields and puts it together again. A store implements [`Encoder`] and [`Decoder`] for
//! its own kind of record, and takes names, columns and indexes from the [`Declaration`].
//!
//! The rules that tell from stored fields in which state an entity is stand here and nowhere else.

mod api_key;
mod declaration;
mod decoder;
mod encoder;
mod event;
mod machine;
mod session;
mod stored_response;
mod task;

pub use declaration::{Change, Condition, Declaration, Field, FieldType, Index, UniqueSet};
pub use decoder::{DecodeError, Decoder};
pub use encoder::Encoder;
use uuid::Uuid;

/// The fields of each entity, for statements that read or compare only some of them.
pub mod fields {
    pub use crate::api_key::fields as api_key;
    pub use crate::event::fields as event;
    pub use crate::machine::fields as machine;
    pub use crate::session::fields as session;
    pub use crate::stored_response::fields as stored_response;
    pub use crate::task::fields as task;
}

/// An entity that is stored as one record.
pub trait Record: Sized {
    /// Its stored shape.
    const DECLARATION: &'static Declaration;

    /// The value of the declaration's key; none when records of this kind have no key of their own.
    fn key(&self) -> Option<Key<'_>>;

    /// Writes each field once, in the order of the declaration.
    ///
    /// # Errors
    /// Those of the encoder.
    fn encode<E: Encoder>(&self, to: &mut E) -> Result<(), E::Error>;

    /// Reads each field that is not derived once, in the order of the declaration.
    ///
    /// # Errors
    /// When a field cannot be read, or the fields contradict each other.
    fn decode<D: Decoder>(from: &mut D) -> Result<Self, DecodeError>;
}

/// The value that names a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// A UUID.
    Uuid(Uuid),
    /// A text.
    Text(&'a str),
    /// A hash.
    Bytes(&'a [u8]),
}

/// Every declaration, in an order in which the tables can be made.
pub static ALL: &[&Declaration] = &[
    &session::DECLARATION,
    &task::DECLARATION,
    &machine::DECLARATION,
    &api_key::DECLARATION,
    &stored_response::DECLARATION,
    &event::DECLARATION,
];

#[cfg(test)]
mod tests;
