//! The store of the tour's server: a file in the tour's folder, or a MongoDB database that is dropped afterwards.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use mongodb::Client;
use rekindle_core::{Ids, RandomIds};
use rekindle_mongod::masked;

/// The limit for dropping the database.
const PATIENCE: Duration = Duration::from_secs(30);

/// The stores on which the tour can be played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum StoreKind {
    /// A file in the folder of `rekindle dev`.
    #[default]
    Sqlite,
    /// A database of a MongoDB server: that of REKINDLE_TEST_MONGODB_URI, else that of `cargo xtask mongo`, else a
    /// server that is started for the tour and ended.
    Mongo,
}

/// The store of the server.
pub(super) enum TourStore {
    /// The default: a file in the server's folder.
    Folder,
    /// A database on the server with this URI.
    Database {
        uri: String,
        /// A name that no other database has.
        name: String,
    },
}

impl TourStore {
    /// Returns a database with a random name on this server.
    pub(super) fn on(uri: &str) -> Self {
        let name = format!("rekindle_tour_{}", RandomIds.new_id().simple());
        println!("The tour is played on {}, database {name}", masked(uri));
        Self::Database { uri: uri.to_owned(), name }
    }

    /// Sets a program's environment to this store.
    pub(super) fn configure(&self, command: &mut Command) {
        command.env_remove("STORE_URL").env_remove("MONGODB_URI").env_remove("MONGODB_DATABASE");
        if let Self::Database { uri, name } = self {
            command.env("STORE_URL", uri).env("MONGODB_DATABASE", name);
        }
    }

    /// Drops the database, if there is one. The server must have ended.
    pub(super) fn remove(&self) -> Result<()> {
        let Self::Database { uri, name } = self else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let dropped = runtime.block_on(async {
            let database = Client::with_uri_str(uri).await?.database(name);
            tokio::time::timeout(PATIENCE, async { database.drop().await }).await?.map_err(anyhow::Error::from)
        });
        dropped.with_context(|| format!("the database {name} was not dropped"))
    }
}
