//! Which stores there are, how a URL selects one, and how it is opened. No other crate of the server names both stores.

#![warn(missing_docs)]

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rekindle_core::store::BatchObserverHandle;
use rekindle_core::{InvalidValue, Store};
use rekindle_store_mongo::{MongoAddress, MongoOptions, MongoStore, Setup};
/// What an operator does with the file of a SQLite store.
pub use rekindle_store_sqlite::maintenance;
use rekindle_store_sqlite::{Location, OpenError, SqliteOptions, SqliteStore};

/// The URL of a store. It is displayed without any password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Sqlite(Location),
    Mongo { address: MongoAddress, database: String },
}

impl StoreUrl {
    /// Parses the URL of a store.
    ///
    /// # Errors
    /// Fails if it names no store. The error shows no part that may be a password.
    pub fn parse(url: &str, database: &str) -> Result<Self, InvalidValue> {
        if url.starts_with("mongodb:") || url.starts_with("mongodb+srv:") {
            let address =
                url.parse().map_err(|bad: rekindle_store_mongo::BadAddress| InvalidValue::new(bad.to_string()))?;
            return Ok(Self(Kind::Mongo { address, database: database.to_owned() }));
        }
        let location =
            url.parse().map_err(|bad: rekindle_store_sqlite::BadLocation| InvalidValue::new(bad.to_string()))?;
        Ok(Self(Kind::Sqlite(location)))
    }

    /// Returns the URL without any password.
    pub fn address(&self) -> String {
        match &self.0 {
            Kind::Sqlite(location) => location.to_string(),
            Kind::Mongo { address, .. } => address.to_string(),
        }
    }

    /// Returns the kind of database, as traces name it.
    pub fn system(&self) -> &'static str {
        match self.0 {
            Kind::Sqlite(_) => "sqlite",
            Kind::Mongo { .. } => "mongodb",
        }
    }

    /// Returns the store of a SQLite database in this file.
    pub fn in_file(path: &Path) -> Self {
        Self(Kind::Sqlite(Location::File(path.to_path_buf())))
    }

    /// Returns the file of the store.
    ///
    /// # Errors
    /// Fails with the kind of store that has no file.
    pub fn file(&self) -> Result<&Path, NotAFileStore> {
        match &self.0 {
            Kind::Sqlite(Location::File(path)) => Ok(path),
            Kind::Sqlite(Location::Memory) => Err(NotAFileStore::Memory),
            Kind::Mongo { .. } => Err(NotAFileStore::Mongo),
        }
    }

    /// Opens the store for reading, beside the servers that use it. Nothing is created or changed; a missing database
    /// is an error.
    ///
    /// # Errors
    /// Fails with an [`OpenStoreError`].
    pub async fn open_read_only(&self, call_timeout: Duration) -> Result<Arc<dyn Store>, OpenStoreError> {
        match &self.0 {
            Kind::Sqlite(location) => {
                let options = SqliteOptions { call_timeout, ..SqliteOptions::at(location.clone()) };
                Ok(Arc::new(SqliteStore::open_to_read(options)?))
            }
            Kind::Mongo { address, database } => {
                let options = MongoOptions {
                    database: database.clone(),
                    call_timeout,
                    setup: Setup::LeaveAsIs,
                    ..MongoOptions::at(address.clone())
                };
                mongo(options).await
            }
        }
    }

    /// Opens the store for an import, and creates it if it is missing. Nothing in it expires: a server sets the
    /// retention when it starts.
    ///
    /// # Errors
    /// Fails with an [`OpenStoreError`].
    pub async fn open_empty(&self, call_timeout: Duration) -> Result<Arc<dyn Store>, OpenStoreError> {
        open(self, Opening { call_timeout, retention_days: u32::MAX, watch: BatchObserverHandle::default() }).await
    }
}

/// Why a store has no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAFileStore {
    /// It is a MongoDB database.
    Mongo,
    /// It is a SQLite database in memory, which ends with its server.
    Memory,
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(location) => location.fmt(f),
            Kind::Mongo { address, database } => write!(f, "{address}, database {database}"),
        }
    }
}

/// Why a store was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenStoreError {
    /// The configuration is wrong; another attempt cannot succeed.
    Configuration(String),
    /// The failure may be temporary.
    Failed(String),
}

impl From<OpenError> for OpenStoreError {
    fn from(error: OpenError) -> Self {
        let is_for_now = matches!(error, OpenError::Busy(_) | OpenError::Failed { .. } | OpenError::NoThread(_));
        let why = error.to_string();
        if is_for_now { Self::Failed(why) } else { Self::Configuration(why) }
    }
}

/// The options of every store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The time limit of a call.
    pub call_timeout: Duration,
    /// The age in days after which retention deletes.
    pub retention_days: u32,
    /// Observes the batches in which writes are sent.
    pub watch: BatchObserverHandle,
}

/// Opens a store. One that is only out of reach is no error: it is opened as unavailable, and keeps trying to connect.
///
/// # Errors
/// Fails with an [`OpenStoreError`].
pub async fn open(choice: &StoreUrl, opening: Opening) -> Result<Arc<dyn Store>, OpenStoreError> {
    let Opening { call_timeout, retention_days, watch } = opening;
    match &choice.0 {
        Kind::Sqlite(location) => {
            let options = SqliteOptions { call_timeout, watch, ..SqliteOptions::at(location.clone()) };
            Ok(Arc::new(SqliteStore::open(options)?))
        }
        Kind::Mongo { address, database } => {
            let database = database.clone();
            mongo(MongoOptions { database, call_timeout, retention_days, watch, ..MongoOptions::at(address.clone()) })
                .await
        }
    }
}

async fn mongo(options: MongoOptions) -> Result<Arc<dyn Store>, OpenStoreError> {
    let store = MongoStore::connect(options).await;
    store.map(|store| Arc::new(store) as _).map_err(|error| OpenStoreError::Configuration(error.to_string()))
}
