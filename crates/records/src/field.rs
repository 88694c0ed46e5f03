//! The fields of a record, and how they are declared.

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
