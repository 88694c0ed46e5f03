//! What a declaration is made of. All of it is plain data that is known at compile time.

use crate::field::{Change, Field};
use crate::index::{DocumentIndex, Index, UniqueSet};

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
    /// The table in which an SQL store keeps counts, if it keeps some.
    pub counted: Option<CountedTable>,
    /// The indexes of a document store; `None` for those that follow from the unique sets and the indexes.
    pub document_indexes: Option<&'static [DocumentIndex]>,
}

/// A table of an SQL store that keeps, by triggers, the number of records for each combination of some values.
#[derive(Debug)]
pub struct CountedTable {
    /// Its name. The column `n` holds the number.
    pub name: &'static str,
    /// The column that holds the value of a field.
    pub value: (&'static str, &'static Field),
    /// The column that holds whether a field has a value, if there is one.
    pub presence: Option<(&'static str, &'static Field)>,
}

impl Declaration {
    /// Returns the field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().copied().find(|field| field.name == name)
    }

    /// Returns the index of this name.
    pub fn index(&self, name: &str) -> Option<&'static Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// Returns the unique set of this name.
    pub fn unique_set(&self, name: &str) -> Option<&'static UniqueSet> {
        self.unique.iter().find(|set| set.name == name)
    }

    /// The fields that are read back: all but those that are derived from others.
    pub fn read_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().copied().filter(|field| !field.derived)
    }

    /// The field that keeps the latest of the times written to it, if there is one.
    pub fn latest_field(&self) -> Option<&'static Field> {
        self.fields.iter().copied().find(|field| field.change == Change::Latest)
    }
}
