//! What a declaration is made of. All of it is plain data that is known at compile time.

use rekindle_core::store::UniqueRule;

/// The stored shape of one kind of entity.
#[derive(Debug)]
pub struct Declaration {
    /// The name of its table or collection.
    pub name: &'static str,
    /// Its fields, in the order in which they are written and read.
    pub fields: &'static [&'static Field],
    /// The field that names a record; none: only its position does.
    pub key: Option<&'static Field>,
    /// The column in which an SQL store keeps the order in which records were made.
    pub sequence: &'static str,
    /// Whether a record has a version: a revision and a count of touches.
    pub versioned: bool,
    /// The rules about sets of records. A write that breaks several is refused by the first in this order.
    pub unique: &'static [UniqueSet],
    /// The other indexes.
    pub indexes: &'static [Index],
}

impl Declaration {
    /// The fields that are read back: all but those that are derived from others.
    pub fn read_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().copied().filter(|field| !field.derived)
    }

    /// The field that keeps the latest of the times written to it, if there is one.
    pub fn latest_field(&self) -> Option<&'static Field> {
        self.fields.iter().copied().find(|field| field.change == Change::Latest)
    }
}

/// One field of a record.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, as a column.
    pub name: &'static str,
    /// Its name in a document, where other programs know it by another.
    pub document_name: &'static str,
    /// What it holds.
    pub kind: FieldType,
    /// Whether it may be absent.
    pub nullable: bool,
    /// Whether and how it changes once the record is there.
    pub change: Change,
    /// Whether it is computed from the others when it is written, so that it can be searched, and is never read back.
    pub derived: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A text.
    Text,
    /// A UUID.
    Uuid,
    /// A point in time, in whole milliseconds.
    Time,
    /// A whole number.
    Integer,
    /// Bytes without meaning to the store.
    Bytes,
    /// A JSON object.
    Object,
    /// A list of whole numbers.
    Integers,
}

/// Whether and how a field changes once the record is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The record was born with it.
    Never,
    /// Each put sets it.
    Replace,
    /// A put keeps the later of the stored time and its own.
    Latest,
}

impl Field {
    const fn of(name: &'static str, kind: FieldType) -> Self {
        Self { name, document_name: name, kind, nullable: false, change: Change::Never, derived: false }
    }

    pub(crate) const fn text(name: &'static str) -> Self {
        Self::of(name, FieldType::Text)
    }

    pub(crate) const fn uuid(name: &'static str) -> Self {
        Self::of(name, FieldType::Uuid)
    }

    pub(crate) const fn time(name: &'static str) -> Self {
        Self::of(name, FieldType::Time)
    }

    pub(crate) const fn integer(name: &'static str) -> Self {
        Self::of(name, FieldType::Integer)
    }

    pub(crate) const fn bytes(name: &'static str) -> Self {
        Self::of(name, FieldType::Bytes)
    }

    pub(crate) const fn object(name: &'static str) -> Self {
        Self::of(name, FieldType::Object)
    }

    pub(crate) const fn integers(name: &'static str) -> Self {
        Self::of(name, FieldType::Integers)
    }

    pub(crate) const fn named_in_documents(self, document_name: &'static str) -> Self {
        Self { document_name, ..self }
    }

    pub(crate) const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    pub(crate) const fn mutable(self) -> Self {
        Self { change: Change::Replace, ..self }
    }

    pub(crate) const fn latest(self) -> Self {
        Self { change: Change::Latest, ..self }
    }

    pub(crate) const fn derived(self) -> Self {
        Self { derived: true, ..self }
    }
}

/// A set of records in which no two have the same values in some fields.
#[derive(Debug)]
pub struct UniqueSet {
    /// Its name, without that of the table.
    pub name: &'static str,
    /// The rule of the port that it enforces.
    pub rule: UniqueRule,
    /// The fields.
    pub fields: &'static [&'static Field],
    /// Which records are in the set: those for which all of these hold.
    pub only: &'static [Condition],
}

/// An index.
#[derive(Debug)]
pub struct Index {
    /// Its name, without that of the table.
    pub name: &'static str,
    /// The fields that are searched.
    pub fields: &'static [&'static Field],
    /// Whether the records of equal fields are walked by the time at which they were made, and then by their sequence.
    pub by_creation: Option<&'static Field>,
    /// Further fields that can be read without the record.
    pub covers: &'static [&'static Field],
    /// Which records it holds: those for which all of these hold.
    pub only: &'static [Condition],
}

impl Index {
    pub(crate) const fn of(name: &'static str, fields: &'static [&'static Field]) -> Self {
        Self { name, fields, by_creation: None, covers: &[], only: &[] }
    }

    pub(crate) const fn by_creation(self, created_at: &'static Field) -> Self {
        Self { by_creation: Some(created_at), ..self }
    }

    pub(crate) const fn covering(self, covers: &'static [&'static Field]) -> Self {
        Self { covers, ..self }
    }

    pub(crate) const fn only(self, only: &'static [Condition]) -> Self {
        Self { only, ..self }
    }
}

/// What holds for a record.
#[derive(Debug)]
pub enum Condition {
    /// The field has this value.
    Is(&'static Field, &'static str),
    /// The field has one of these values.
    IsOneOf(&'static Field, &'static [&'static str]),
    /// The field is there.
    Present(&'static Field),
    /// The field is not there.
    Absent(&'static Field),
}

/// Declares the fields of an entity, each under a name of its own, and all of them in order.
macro_rules! declare_fields {
    ($($(#[$doc:meta])* $name:ident = $field:expr;)+) => {
        /// The fields, each by its name.
        pub mod fields {
            use crate::declaration::Field;

            $($(#[$doc])* pub static $name: Field = $field;)+

            /// All of them, in the order in which they are written and read.
            pub(crate) static ALL: &[&Field] = &[$(&$name),+];
        }
    };
}

pub(crate) use declare_fields;
