//! The kinds of records that a store holds, each with its statements: Rekindle's own, and those of an extension.

use std::fmt;
use std::sync::LazyLock;

use rekindle_core::store::{Entity, Row as FoundRow, StoreError};
use rekindle_records::{ALL, Declaration, Extension, Record, RecordType, TYPES, TypeVisitor, visit_types};
use rusqlite::Row;

use crate::codec;
use crate::sql::statements::Statements;

/// Reads an entity from a row of its declared columns.
type ReadRow = fn(&Row<'_>) -> Result<FoundRow, StoreError>;

/// One kind of records.
pub(crate) struct Kind {
    /// Its stored shape.
    pub(crate) declaration: &'static Declaration,
    /// The statements about one record.
    pub(crate) statements: Statements,
    /// How its entities are written and read; none for events, which have a log of their own.
    record: Option<&'static dyn RecordType>,
    /// How Rekindle's own entities are read, compiled for their type.
    read: Option<ReadRow>,
}

impl Kind {
    fn of(declaration: &'static Declaration, types: &[&'static dyn RecordType], read: Option<ReadRow>) -> Self {
        let is_its = |kind: &&&'static dyn RecordType| std::ptr::eq(kind.declaration(), declaration);
        let record = types.iter().find(is_its).copied();
        Self { declaration, statements: Statements::of(declaration), record, read }
    }

    /// Returns how its entities are written.
    ///
    /// # Errors
    /// Fails for events.
    pub(crate) fn record(&self) -> Result<&'static dyn RecordType, StoreError> {
        let missing = || StoreError::Corrupt(format!("{} are no entities", self.declaration.name));
        self.record.ok_or_else(missing)
    }

    /// Reads an entity.
    ///
    /// # Errors
    /// Fails with [`StoreError::Corrupt`] for an invalid row, and for events.
    pub(crate) fn read(&self, row: &Row<'_>) -> Result<FoundRow, StoreError> {
        match self.read {
            Some(read) => read(row),
            None => codec::entity(self.record()?, row),
        }
    }
}

/// Collects how each of Rekindle's own types is read.
#[derive(Default)]
struct Readers(Vec<(&'static Declaration, ReadRow)>);

impl TypeVisitor for Readers {
    fn visit<R: Record + Entity>(&mut self) {
        self.0.push((R::DECLARATION, codec::entity_of::<R>));
    }
}

static OWN: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let mut readers = Readers::default();
    visit_types(&mut readers);
    let read = |declaration: &'static Declaration| {
        let found = readers.0.iter().find(|(of, _)| std::ptr::eq(*of, declaration));
        found.map(|(_, read)| *read)
    };
    ALL.iter().map(|declaration| Kind::of(declaration, TYPES, read(declaration))).collect()
});

/// Every kind of a store.
pub(crate) struct Kinds {
    extension: Vec<Kind>,
}

impl Kinds {
    /// Returns Rekindle's own kinds and those of an extension.
    pub(crate) fn with(extension: Extension) -> Self {
        let extension =
            extension.types.iter().map(|kind| Kind::of(kind.declaration(), extension.types, None)).collect();
        Self { extension }
    }

    /// Returns all of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Kind> {
        OWN.iter().chain(&self.extension)
    }

    /// Returns the kind of this name.
    ///
    /// # Errors
    /// Fails with [`StoreError::Corrupt`] when the store has none.
    pub(crate) fn get(&self, name: &str) -> Result<&Kind, StoreError> {
        let missing = || StoreError::Corrupt(format!("this store has no records of the kind {name}"));
        self.all().find(|kind| kind.declaration.name == name).ok_or_else(missing)
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().map(|kind| kind.declaration.name)).finish()
    }
}

/// Returns the statements of one of Rekindle's own kinds.
pub(crate) fn statements_of<R: Record>() -> &'static Statements {
    let own = OWN.iter().find(|kind| std::ptr::eq(kind.declaration, R::DECLARATION));
    own.map_or_else(|| unreachable!("{} is one of Rekindle's own kinds", R::DECLARATION.name), |kind| &kind.statements)
}
