//! The one file that names a store: which ones there are, how they are chosen by URL, and how they are opened.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rekindle_core::{Fault, Store};
use rekindle_store_mongo::{MongoAddress, MongoOptions, MongoStore};
use rekindle_store_sqlite::{Location, OpenError, SqliteOptions, SqliteStore};

/// The store that was chosen. Shown without any password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreChoice(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Sqlite(Location),
    Mongo { address: MongoAddress, database: String },
}

impl StoreChoice {
    /// Reads a store's URL.
    ///
    /// # Errors
    /// When it names no store. The fault never shows what may hold a password.
    pub fn parse(url: &str, database: &str) -> Result<Self, Fault> {
        if url.starts_with("mongodb:") || url.starts_with("mongodb+srv:") {
            let address = url.parse().map_err(|bad: rekindle_store_mongo::BadAddress| Fault::new(bad.to_string()))?;
            return Ok(Self(Kind::Mongo { address, database: database.to_owned() }));
        }
        let location = url.parse().map_err(|bad: rekindle_store_sqlite::BadLocation| Fault::new(bad.to_string()))?;
        Ok(Self(Kind::Sqlite(location)))
    }

    /// Its URL without any password.
    pub fn address(&self) -> String {
        match &self.0 {
            Kind::Sqlite(location) => location.to_string(),
            Kind::Mongo { address, .. } => address.to_string(),
        }
    }

    /// Whether it is MongoDB.
    pub fn is_mongodb(&self) -> bool {
        matches!(self.0, Kind::Mongo { .. })
    }
}

impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(location) => location.fmt(f),
            Kind::Mongo { address, database } => write!(f, "{address}, database {database}"),
        }
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

/// What every store is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// The longest that a call may take.
    pub call_timeout: Duration,
    /// The age in days at which retention deletes.
    pub retention_days: u32,
}

/// Opens the chosen store. One that is merely out of reach is no error: it is opened, unavailable, and goes on trying.
///
/// # Errors
/// See [`NotOpened`].
pub async fn open(choice: &StoreChoice, opening: Opening) -> Result<Arc<dyn Store>, NotOpened> {
    let Opening { call_timeout, retention_days } = opening;
    match &choice.0 {
        Kind::Sqlite(location) => {
            let options = SqliteOptions { call_timeout, ..SqliteOptions::at(location.clone()) };
            match SqliteStore::open(options) {
                Ok(store) => Ok(Arc::new(store)),
                Err(error @ (OpenError::Busy(_) | OpenError::Failed { .. } | OpenError::NoThread(_))) => {
                    Err(NotOpened::Failed(error.to_string()))
                }
                Err(error) => Err(NotOpened::Configuration(error.to_string())),
            }
        }
        Kind::Mongo { address, database } => {
            let database = database.clone();
            let options = MongoOptions { database, call_timeout, retention_days, ..MongoOptions::at(address.clone()) };
            let store = MongoStore::connect(options).await;
            store.map(|store| Arc::new(store) as _).map_err(|error| NotOpened::Configuration(error.to_string()))
        }
    }
}
