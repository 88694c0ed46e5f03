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
    /// Whether Rekindle alone has it: records that other programs write lack it.
    pub own: bool,
    /// The most characters of a text; `None` if only the value's own type limits it.
    pub max_length: Option<u16>,
    /// The only texts that it can hold; empty for any.
    pub members: &'static [&'static str],
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
    /// A whole number between 0 and 65,535.
    SmallInteger,
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
        Self {
            name,
            document_name: name,
            kind,
            nullable: false,
            change: Change::Never,
            derived: false,
            own: false,
            max_length: None,
            members: &[],
        }
    }

    /// A text.
    pub const fn text(name: &'static str) -> Self {
        Self::of(name, FieldType::Text)
    }

    /// A UUID.
    pub const fn uuid(name: &'static str) -> Self {
        Self::of(name, FieldType::Uuid)
    }

    /// A point in time.
    pub const fn time(name: &'static str) -> Self {
        Self::of(name, FieldType::Time)
    }

    /// A whole number.
    pub const fn integer(name: &'static str) -> Self {
        Self::of(name, FieldType::Integer)
    }

    /// A whole number between 0 and 65,535.
    pub const fn small_integer(name: &'static str) -> Self {
        Self::of(name, FieldType::SmallInteger)
    }

    /// Bytes.
    pub const fn bytes(name: &'static str) -> Self {
        Self::of(name, FieldType::Bytes)
    }

    /// A JSON object.
    pub const fn object(name: &'static str) -> Self {
        Self::of(name, FieldType::Object)
    }

    /// A list of whole numbers between 0 and 65,535.
    pub const fn integers(name: &'static str) -> Self {
        Self::of(name, FieldType::Integers)
    }

    /// Gives it another name in documents.
    #[must_use]
    pub const fn named_in_documents(self, document_name: &'static str) -> Self {
        Self { document_name, ..self }
    }

    /// Lets it be absent.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// Lets each put set it.
    #[must_use]
    pub const fn mutable(self) -> Self {
        Self { change: Change::Replace, ..self }
    }

    /// Lets each put move it forward.
    #[must_use]
    pub const fn latest(self) -> Self {
        Self { change: Change::Latest, ..self }
    }

    /// Marks it as computed.
    #[must_use]
    pub const fn derived(self) -> Self {
        Self { derived: true, ..self }
    }

    /// Marks it as Rekindle's own.
    #[must_use]
    pub const fn own(self) -> Self {
        Self { own: true, ..self }
    }

    /// Limits a text.
    #[must_use]
    pub const fn up_to(self, characters: u16) -> Self {
        Self { max_length: Some(characters), ..self }
    }

    /// Limits a text to these.
    #[must_use]
    pub const fn one_of(self, members: &'static [&'static str]) -> Self {
        Self { members, ..self }
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

/// Declares the fields of an entity, each under a name of its own, and all of them in order.
#[macro_export]
macro_rules! declare_fields {
    ($($(#[$doc:meta])* $name:ident = $field:expr;)+) => {
        /// The fields, each by its name.
        pub mod fields {
            use $crate::Field;

            $($(#[$doc])* pub static $name: Field = $field;)+

            /// All of them, in the order in which they are written and read.
            pub static ALL: &[&Field] = &[$(&$name),+];
        }
    };
}
