//! What every stored entity has: a declaration, a key, and a way into fields and back.

use uuid::Uuid;

use crate::declaration::Declaration;
use crate::decoder::{DecodeError, Decoder};
use crate::encoder::Encoder;

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
