//! The one file that names a store: which ones there are, how they are chosen by URL, and how they are opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rekindle_core::{Fault, Store};
use rekindle_store_sqlite::{Location, OpenError, SqliteOptions, SqliteStore};

/// The store that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreChoice(Location);

impl StoreChoice {
    /// Reads a store's URL.
    ///
    /// # Errors
    /// When it names no store that this build has. The fault never shows what may hold a password.
    pub fn parse(url: &str) -> Result<Self, Fault> {
        if url.starts_with("mongodb:") || url.starts_with("mongodb+srv:") {
            let words = "must be sqlite:PATH or sqlite::memory: in this build, which has no MongoDB store";
            return Err(Fault::new(words));
        }
        url.parse().map(Self).map_err(|bad: rekindle_store_sqlite::BadLocation| Fault::new(bad.to_string()))
    }
}

impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a store was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOpened {
    /// The choice cannot work; starting again will not help.
    Configuration(String),
    /// It might work another time.
    Failed(String),
}

/// Opens the chosen store, whose calls take no longer than this. A store that is merely out of reach would be no error: it would be opened, and unavailable.
///
/// # Errors
/// See [`NotOpened`].
pub fn open(choice: &StoreChoice, call_timeout: Duration) -> Result<Arc<dyn Store>, NotOpened> {
    let options = SqliteOptions { call_timeout, ..SqliteOptions::at(choice.0.clone()) };
    match SqliteStore::open(options) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error @ (OpenError::Busy(_) | OpenError::Failed { .. } | OpenError::NoThread(_))) => {
            Err(NotOpened::Failed(error.to_string()))
        }
        Err(error) => Err(NotOpened::Configuration(error.to_string())),
    }
}
