//! The kinds of records that a store holds: Rekindle's own, and those of an extension.

use std::fmt;

use rekindle_core::store::StoreError;
use rekindle_records::{Declaration, Extension, RecordType, TYPES};

/// Every kind of a store.
#[derive(Clone)]
pub(crate) struct Kinds {
    types: Vec<&'static dyn RecordType>,
}

impl Kinds {
    /// Returns Rekindle's own kinds and those of an extension.
    pub(crate) fn with(extension: Extension) -> Self {
        Self { types: TYPES.iter().chain(extension.types).copied().collect() }
    }

    /// Returns the declarations of all kinds.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = &'static Declaration> {
        self.types.iter().map(|kind| kind.declaration())
    }

    /// Returns the kind of this name.
    ///
    /// # Errors
    /// Fails with [`StoreError::Corrupt`] when the store has none.
    pub(crate) fn get(&self, name: &str) -> Result<&'static dyn RecordType, StoreError> {
        let missing = || StoreError::Corrupt(format!("this store has no records of the kind {name}"));
        self.types.iter().copied().find(|kind| kind.declaration().name == name).ok_or_else(missing)
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.declarations().map(|declaration| declaration.name)).finish()
    }
}
