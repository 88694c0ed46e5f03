//! The kinds of records that a store holds: Rekindle's own, and those of an extension.

use std::fmt;

use rekindle_core::store::StoreError;
use rekindle_records::{Declaration, Extension, RecordType, TYPES};

use crate::schema::indexes::{self, Index};

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

/// Returns the index that serves a declared index or unique set; an empty name stands for that of the key.
///
/// # Errors
/// Fails with [`StoreError::Corrupt`] when there is none.
pub(crate) fn index_that_serves(declaration: &'static Declaration, name: &str) -> Result<Index, StoreError> {
    let missing = || StoreError::Corrupt(format!("{} have no index {name}", declaration.name));
    let of_kind = indexes::of_records(declaration).into_iter();
    let serving = of_kind.into_iter().find(|(serves, _)| serves.contains(&name)).map(|(_, index)| index);
    if serving.is_some() {
        return serving.ok_or_else(missing);
    }
    // The records of such a kind are few, or are found by their `_id`.
    let has_own = declaration.index(name).is_some() || name.is_empty();
    if has_own { Ok(Index::of_ids()) } else { Err(missing()) }
}
