//! Moves between the real stores, in every direction. Each case is ignored where there is no mongod.
#![expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]

#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mongodb::Client;
use rekindle_core::Store;
use rekindle_mongod::case;
use rekindle_store_mongo::{MongoOptions, MongoStore};
use rekindle_transfer::Exporting;
use support::{assert_holds, everything, export, export_until, exporting, fill, import, import_until, sqlite};

/// The time limit of preparing a database, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A database of one case.
struct Database {
    uri: String,
    name: String,
}

impl Database {
    fn at(uri: &str) -> Self {
        Self { uri: uri.to_owned(), name: format!("rekindle_test_{:016x}", fastrand::u64(..)) }
    }

    async fn open(&self) -> Arc<dyn Store> {
        let address = self.uri.parse().unwrap();
        // The samples have old times, so the TTL indexes of the server must not delete them.
        let options =
            MongoOptions { database: self.name.clone(), retention_days: u32::MAX, ..MongoOptions::at(address) };
        let store = MongoStore::connect(options).await.unwrap();
        let began = Instant::now();
        while let Err(error) = store.ping().await {
            assert!(began.elapsed() < PATIENCE, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Arc::new(store)
    }

    async fn drop(&self) {
        let client = Client::with_uri_str(&self.uri).await.unwrap();
        client.database(&self.name).drop().await.unwrap();
    }
}

async fn from_sqlite_to_mongodb_and_back(uri: String) {
    let folder = tempfile::tempdir().unwrap();
    let (there, back) = (folder.path().join("there"), folder.path().join("back"));
    let first = sqlite(&folder.path().join("first.db"));
    fill(first.as_ref()).await;
    let expected = everything(first.as_ref()).await;
    export(first.as_ref(), exporting(&there)).await.unwrap();

    let database = Database::at(&uri);
    let second = database.open().await;
    // Interrupted and resumed.
    import_until(second.as_ref(), &there, 3).await.unwrap_err();
    assert!(import(second.as_ref(), &there).await.unwrap().resumed > 0);
    assert_holds(second.as_ref(), &expected).await;

    export_until(second.as_ref(), exporting(&back), 4).await.unwrap_err();
    let exported = export(second.as_ref(), Exporting { resume: true, ..exporting(&back) }).await.unwrap();
    assert!(exported.resumed > 0 && !exported.changed_meanwhile, "{exported:?}");
    let third = sqlite(&folder.path().join("third.db"));
    import(third.as_ref(), &back).await.unwrap();
    assert_holds(third.as_ref(), &expected).await;
    for store in [first, second, third] {
        store.close().await;
    }
    database.drop().await;
}

async fn from_mongodb_to_mongodb(uri: String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    let (one, other) = (Database::at(&uri), Database::at(&uri));
    let (first, second) = (one.open().await, other.open().await);
    fill(first.as_ref()).await;
    let expected = everything(first.as_ref()).await;
    export(first.as_ref(), exporting(&file)).await.unwrap();
    import(second.as_ref(), &file).await.unwrap();
    assert_holds(second.as_ref(), &expected).await;
    for store in [first, second] {
        store.close().await;
    }
    one.drop().await;
    other.drop().await;
}

fn main() -> ExitCode {
    rekindle_mongod::suite(&[case!(from_sqlite_to_mongodb_and_back), case!(from_mongodb_to_mongodb)])
}
