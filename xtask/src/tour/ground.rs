//! Where the tour's server keeps its data: in the tour's own folder, or in a MongoDB database that is dropped afterwards.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use mongodb::Client;
use rekindle_core::{Ids, RandomIds};
use rekindle_mongod::masked;

/// How long dropping the database may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The stores on which the tour can be played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum StoreKind {
    /// A file in the folder of `rekindle dev`.
    #[default]
    Sqlite,
    /// A database of a MongoDB server: the one that REKINDLE_TEST_MONGODB_URI names, else the one of `cargo xtask mongo`,
    /// else one that is started for this and ended.
    Mongo,
}

/// What the server is told of its store.
pub enum Ground {
    /// Nothing: it makes a file in its folder.
    Folder,
    /// A database on the server with this URI.
    Database {
        /// How to reach it.
        uri: String,
        /// A name of the tour's own.
        name: String,
    },
}

impl Ground {
    /// A database with a random name on this server.
    pub fn on(uri: &str) -> Self {
        let name = format!("rekindle_tour_{}", RandomIds.new_id().simple());
        println!("The tour is played on {}, database {name}", masked(uri));
        Self::Database { uri: uri.to_owned(), name }
    }

    /// Gives a program the settings.
    pub fn dress(&self, command: &mut Command) {
        command.env_remove("STORE_URL").env_remove("MONGODB_URI").env_remove("MONGODB_DATABASE");
        if let Self::Database { uri, name } = self {
            command.env("STORE_URL", uri).env("MONGODB_DATABASE", name);
        }
    }

    /// Removes what the server has written, unless that is in its folder. The server must have ended.
    pub fn clear(&self) -> Result<()> {
        let Self::Database { uri, name } = self else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let dropped = runtime.block_on(async {
            let database = Client::with_uri_str(uri).await?.database(name);
            tokio::time::timeout(PATIENCE, async { database.drop().await }).await?.map_err(anyhow::Error::from)
        });
        dropped.with_context(|| format!("the database {name} was not dropped"))
    }
}
