//! The kinds of records that a store holds, each with its statements: Rekindle's own, and those of an extension.

use std::fmt;
use std::sync::LazyLock;

use rekindle_core::store::StoreError;
use rekindle_records::{ALL, Declaration, Extension, Record, RecordType, TYPES};

use crate::sql::statements::Statements;

/// One kind of records.
pub(crate) struct Kind {
    /// Its stored shape.
    pub(crate) declaration: &'static Declaration,
    /// How its entities are written and read; none for events, which have a log of their own.
    pub(crate) record: Option<&'static dyn RecordType>,
    /// The statements about one record.
    pub(crate) statements: Statements,
}

impl Kind {
    fn of(declaration: &'static Declaration, types: &[&'static dyn RecordType]) -> Self {
        let is_its = |kind: &&&'static dyn RecordType| std::ptr::eq(kind.declaration(), declaration);
        let record = types.iter().find(is_its).copied();
        Self { declaration, record, statements: Statements::of(declaration) }
    }

    /// Returns how its entities are written and read.
    ///
    /// # Errors
    /// Fails for events.
    pub(crate) fn record(&self) -> Result<&'static dyn RecordType, StoreError> {
        let missing = || StoreError::Corrupt(format!("{} are no entities", self.declaration.name));
        self.record.ok_or_else(missing)
    }
}

static OWN: LazyLock<Vec<Kind>> =
    LazyLock::new(|| ALL.iter().map(|declaration| Kind::of(declaration, TYPES)).collect());

/// Every kind of a store.
pub(crate) struct Kinds {
    extension: Vec<Kind>,
}

impl Kinds {
    /// Returns Rekindle's own kinds and those of an extension.
    pub(crate) fn with(extension: Extension) -> Self {
        let extension = extension.types.iter().map(|kind| Kind::of(kind.declaration(), extension.types)).collect();
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
