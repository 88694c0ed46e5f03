//! The stored shape of each entity, declared once: its fields, its key, its unique rules and its indexes, and the code
//! that takes an entity apart into fields and puts it together again. A store implements [`Encoder`] and [`Decoder`]
//! for its own kind of record, and takes names, columns and indexes from the [`Declaration`].
//!
//! The rules that derive the state of an entity from its stored fields are here and nowhere else.

#![warn(missing_docs)]

mod api_key;
mod declaration;
mod decoder;
mod detector_state;
mod encoder;
mod event;
mod field;
mod index;
mod machine;
mod record;
mod session;
mod stored_response;
mod task;

use rekindle_core::store::{DetectorState, Entity, StoredResponse};
use rekindle_core::{ApiKey, Machine, Session, Task};

pub use declaration::{CountedTable, Declaration};
pub use decoder::{DecodeError, DecodeFields, Decoder, StoredValue};
pub use encoder::{EncodeError, Encoder, FieldValue};
pub use field::{Change, Field, FieldType};
pub use index::{Condition, DocumentIndex, DocumentOrder, Index, UniqueSet};
pub use record::{Extension, Record, RecordType, TypeOf};

/// The fields of each entity, for statements that read or compare only some of them.
pub mod fields {
    pub use crate::api_key::fields as api_key;
    pub use crate::detector_state::fields as detector_state;
    pub use crate::event::fields as event;
    pub use crate::machine::fields as machine;
    pub use crate::session::fields as session;
    pub use crate::stored_response::fields as stored_response;
    pub use crate::task::fields as task;
}

/// Every declaration, in an order in which the tables can be made.
pub static ALL: &[&Declaration] = &[
    &session::DECLARATION,
    &task::DECLARATION,
    &machine::DECLARATION,
    &api_key::DECLARATION,
    &stored_response::DECLARATION,
    &detector_state::DECLARATION,
    &event::DECLARATION,
];

/// Does something with each type of entity, with its type known.
pub trait TypeVisitor {
    /// Is called once for each type.
    fn visit<R: Record + Entity>(&mut self);
}

/// Lists the types of Rekindle's own entities, once with and once without the type.
macro_rules! types {
    ($($entity:ident),+ $(,)?) => {
        /// Every kind of entity that queries find and commits write.
        pub static TYPES: &[&dyn RecordType] = &[$(&TypeOf::<$entity>::new()),+];

        /// Visits the type of each of [`TYPES`], for stores that compile their reads for each type.
        pub fn visit_types(visitor: &mut impl TypeVisitor) {
            $(visitor.visit::<$entity>();)+
        }
    };
}

types![Session, Task, Machine, ApiKey, StoredResponse, DetectorState];

#[cfg(test)]
mod tests;
