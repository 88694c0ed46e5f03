//! The conformance suite on a real server: a database for each case, dropped at the end.
#![expect(clippy::expect_used, clippy::print_stderr, reason = "test code: a failed expectation is its way to report")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bson::doc;
use rekindle_core::Store;
use rekindle_store_mongo::{MongoOptions, MongoStore};
use rekindle_testkit::conformance;
use rekindle_testkit::note::NOTES;

/// How long a database may take to be prepared.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The databases that were made.
type Made = Arc<Mutex<Vec<String>>>;

struct Server {
    uri: Option<String>,
    made: Made,
}

#[async_trait]
impl conformance::Adapter for Server {
    fn name(&self) -> &'static str {
        "mongo"
    }

    fn is_there(&self) -> bool {
        self.uri.is_some()
    }

    async fn open(&self) -> Arc<dyn Store> {
        let database = format!("rekindle-test-{:016x}", fastrand::u64(..));
        self.made.lock().expect("nobody panics here").push(database.clone());
        let uri = self.uri.as_deref().expect("REKINDLE_TEST_MONGODB_URI is set");
        let address = uri.parse().expect("a connection string");
        // The samples are long past: the server itself must not delete them.
        let options = MongoOptions {
            database: database.clone(),
            retention_days: u32::MAX,
            extension: NOTES,
            ..MongoOptions::at(address)
        };
        let store = MongoStore::connect(options).await.expect("the server is usable");
        // On a loaded machine the database may not be prepared yet.
        let began = Instant::now();
        while let Err(error) = store.ping().await {
            assert!(began.elapsed() < TIMEOUT, "{error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        keep_answers(uri, &database).await;
        Arc::new(store)
    }
}

/// Keeps the server from deleting stored responses, which retention does not concern.
async fn keep_answers(uri: &str, database: &str) {
    let client = mongodb::Client::with_uri_str(uri).await.expect("a client");
    let index = doc! { "name": "until_1", "expireAfterSeconds": i32::MAX };
    let change = doc! { "collMod": "answers", "index": index };
    client.database(database).run_command(change).await.expect("a prepared database");
}

fn main() -> ExitCode {
    let uri = rekindle_mongod::test_uri();
    let made = Made::default();
    let server = Server { uri: uri.clone(), made: Arc::clone(&made) };
    let code = conformance::main(server);
    let names = std::mem::take(&mut *made.lock().expect("nobody panics here"));
    if let (Some(uri), false) = (uri, names.is_empty()) {
        drop_all(&uri, names);
    }
    code
}

fn drop_all(uri: &str, names: Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(uri).await.expect("a client");
        for name in names {
            if let Err(error) = client.database(&name).drop().await {
                eprintln!("{name} is left behind: {error}");
            }
        }
    });
}
