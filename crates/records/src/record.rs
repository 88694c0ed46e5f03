//! What every stored kind of value has, a declaration and a way into fields and back, and the same without the type: a
//! [`RecordType`] is what a store knows of one kind.

use std::marker::PhantomData;

use rekindle_core::store::{AnyEntity, Entity};

use crate::declaration::Declaration;
use crate::decoder::{DecodeError, Decoder};
use crate::encoder::{EncodeError, Encoder};

/// A kind of value that is stored as records.
pub trait Record: Sized {
    /// Its stored shape.
    const DECLARATION: &'static Declaration;

    /// Writes each field once, in the order of the declaration.
    ///
    /// # Errors
    /// Fails with the error of the encoder.
    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError>;

    /// Reads each field that is not derived once, in the order of the declaration.
    ///
    /// # Errors
    /// Fails when a field cannot be read, or the fields contradict each other.
    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError>;
}

/// One kind of entity, as a store handles it: without its type.
pub trait RecordType: Send + Sync {
    /// Returns its stored shape.
    fn declaration(&self) -> &'static Declaration;

    /// Writes the fields of an entity of this kind.
    ///
    /// # Errors
    /// Fails with the error of the encoder, and for an entity of another kind.
    fn encode(&self, entity: &AnyEntity, to: &mut dyn Encoder) -> Result<(), EncodeError>;

    /// Reads an entity of this kind.
    ///
    /// # Errors
    /// See [`Record::decode`].
    fn decode(&self, from: &mut dyn Decoder) -> Result<AnyEntity, DecodeError>;
}

/// The [`RecordType`] of a type of entities.
#[derive(Debug)]
pub struct TypeOf<R>(PhantomData<fn() -> R>);

impl<R> TypeOf<R> {
    /// Returns the record type of `R`.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R> Default for TypeOf<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Record + Entity> RecordType for TypeOf<R> {
    fn declaration(&self) -> &'static Declaration {
        R::DECLARATION
    }

    fn encode(&self, entity: &AnyEntity, to: &mut dyn Encoder) -> Result<(), EncodeError> {
        let wrong = || EncodeError(format!("an entity of {} is none of {}", entity.kind(), R::KIND).into());
        entity.downcast_ref::<R>().ok_or_else(wrong)?.encode(to)
    }

    fn decode(&self, from: &mut dyn Decoder) -> Result<AnyEntity, DecodeError> {
        R::decode(from).map(AnyEntity::new)
    }
}

/// Kinds of entities that another crate stores beside Rekindle's own.
#[derive(Clone, Copy)]
pub struct Extension {
    /// The kinds.
    pub types: &'static [&'static dyn RecordType],
    /// The statements that make their tables and indexes in an SQL store where they are missing.
    pub sql: &'static str,
}

impl Extension {
    /// Nothing beside Rekindle's own kinds.
    pub const NONE: Self = Self { types: &[], sql: "" };
}

impl PartialEq for Extension {
    fn eq(&self, other: &Self) -> bool {
        let names = |extension: &Self| extension.types.iter().map(|kind| kind.declaration().name).collect::<Vec<_>>();
        names(self) == names(other) && self.sql == other.sql
    }
}

impl Eq for Extension {}

impl std::fmt::Debug for Extension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.types.iter().map(|kind| kind.declaration().name)).finish()
    }
}
