//! The unique sets and the indexes of a kind of records, and which records they hold.

use rekindle_core::store::UniqueRule;

use crate::field::Field;

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
    /// The index, or the unique set, that serves it in an SQL store, where it has none of its own there.
    pub served_in_sql_by: Option<&'static str>,
}

impl Index {
    /// Returns an index on these fields.
    pub const fn of(name: &'static str, fields: &'static [&'static Field]) -> Self {
        Self { name, fields, by_creation: None, covers: &[], only: &[], served_in_sql_by: None }
    }

    /// Makes it an index by creation, behind its fields.
    #[must_use]
    pub const fn by_creation(self, created_at: &'static Field) -> Self {
        Self { by_creation: Some(created_at), ..self }
    }

    /// Adds fields that can be read without the record.
    #[must_use]
    pub const fn covering(self, covers: &'static [&'static Field]) -> Self {
        Self { covers, ..self }
    }

    /// Limits it to the records for which all of these hold.
    #[must_use]
    pub const fn only(self, only: &'static [Condition]) -> Self {
        Self { only, ..self }
    }

    /// Lets another index serve it in an SQL store.
    #[must_use]
    pub const fn served_in_sql_by(self, other: &'static str) -> Self {
        Self { served_in_sql_by: Some(other), ..self }
    }
}

/// An index of a document store, where it differs from those that follow from the rest of a declaration.
#[derive(Debug)]
pub struct DocumentIndex {
    /// Its name; empty for one made of its fields and their directions.
    pub name: &'static str,
    /// The names of the declared unique set and indexes that it serves; empty for an index that other programs expect.
    pub serves: &'static [&'static str],
    /// The fields that are searched.
    pub fields: &'static [&'static Field],
    /// How the records of equal fields are ordered.
    pub then: DocumentOrder,
    /// Whether no two records have the same values in the fields.
    pub unique: bool,
    /// Which records it holds: those for which all of these hold.
    pub only: &'static [Condition],
    /// Whether the server deletes a record once the time in the first field is longer ago than the span of retention.
    pub expires: bool,
}

/// How an index of a document store orders records of equal fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentOrder {
    /// In no order.
    None,
    /// In the order in which they were made.
    Recorded,
    /// By this time of creation, the latest first, and then the last made first.
    NewestFirst(&'static Field),
}

impl DocumentIndex {
    /// Returns an index on these fields that serves the declared indexes of these names.
    pub const fn of(serves: &'static [&'static str], fields: &'static [&'static Field]) -> Self {
        Self { name: "", serves, fields, then: DocumentOrder::None, unique: false, only: &[], expires: false }
    }

    /// Gives it a name.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Sets how the records of equal fields are ordered.
    #[must_use]
    pub const fn then(self, then: DocumentOrder) -> Self {
        Self { then, ..self }
    }

    /// Makes it unique.
    #[must_use]
    pub const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    /// Limits it to the records for which all of these hold.
    #[must_use]
    pub const fn only(self, only: &'static [Condition]) -> Self {
        Self { only, ..self }
    }

    /// Lets the server delete expired records.
    #[must_use]
    pub const fn expiring(self) -> Self {
        Self { expires: true, ..self }
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
    /// The field is a whole number of zero or more.
    NotNegative(&'static Field),
}
