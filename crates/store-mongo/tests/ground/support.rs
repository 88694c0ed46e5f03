//! A database for each case, and documents as another program writes them.

use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use bson::spec::BinarySubtype;
use bson::{Binary, DateTime, Document, doc};
use mongodb::{Client, Collection, Database};
use rekindle_core::{Store, Timestamp};
use rekindle_mongod::{Nodes, Options};
use rekindle_store_mongo::{ConnectError, MongoOptions, MongoStore};
use tokio::time::{Instant, sleep};

/// Long enough for a machine that is busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// A database that is dropped when its case has ended, however it ends.
#[derive(Clone)]
pub(crate) struct Scratch {
    pub(crate) db: Database,
    pub(crate) options: MongoOptions,
}

impl Scratch {
    pub(crate) async fn store(&self) -> MongoStore {
        open(&self.options).await
    }

    pub(crate) fn collection(&self, name: &str) -> Collection<Document> {
        self.db.collection(name)
    }
}

/// Opens a store and waits until it can be used: on a busy machine it may open before the server has answered.
pub(crate) async fn open(options: &MongoOptions) -> MongoStore {
    let store = MongoStore::connect(options.clone()).await.unwrap();
    until(|| store.ping(), Result::is_ok).await.unwrap();
    store
}

/// Returns why a store cannot be opened; retries while the server has not answered.
pub(crate) async fn refusal(options: &MongoOptions) -> ConnectError {
    let ask = || async {
        let opened = MongoStore::connect(options.clone()).await;
        if let Ok(store) = &opened {
            store.close().await;
        }
        opened.map(drop)
    };
    until(ask, Result::is_err).await.unwrap_err()
}

/// Returns the options of a store with a database of its own. The server itself deletes nothing.
pub(crate) fn options(uri: &str) -> MongoOptions {
    let database = format!("rekindle-test-{:016x}", fastrand::u64(..));
    MongoOptions { database, retention_days: 20_000, ..MongoOptions::at(uri.parse().unwrap()) }
}

/// Runs a case on a database of its own.
pub(crate) async fn scratch<F>(uri: String, case: impl FnOnce(Scratch) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let client = Client::with_uri_str(&uri).await.unwrap();
    let options = options(&uri);
    let db = client.database(&options.database);
    let outcome = tokio::spawn(case(Scratch { db: db.clone(), options })).await;
    db.drop().await.unwrap();
    if let Err(panicked) = outcome {
        std::panic::resume_unwind(panicked.into_panic());
    }
}

/// Starts nodes for one case. This blocks; a case has a thread for that.
pub(crate) fn nodes(binary: PathBuf, choose: impl FnOnce(&mut Options)) -> Nodes {
    let mut options = Options::at(binary);
    choose(&mut options);
    Nodes::start(options).unwrap()
}

/// Polls until the result is as wanted.
pub(crate) async fn until<T: Debug, F: Future<Output = T>>(ask: impl Fn() -> F, will_do: impl Fn(&T) -> bool) -> T {
    let start = Instant::now();
    loop {
        let answer = ask().await;
        if will_do(&answer) {
            return answer;
        }
        assert!(start.elapsed() < LIMIT, "it is still {answer:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn uuid(n: u64) -> String {
    rekindle_testkit::sample::uuid(n).to_string()
}

/// Returns the time this many days and a second ago.
pub(crate) fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_millis(DateTime::now().timestamp_millis() - days * 86_400_000 - 1000)
}

/// Returns an active session of the product's data model.
pub(crate) fn session(n: u64) -> Document {
    let now = DateTime::now();
    doc! {
        "session_id": uuid(n), "project_id": format!("p{n}"), "machine_id": "m1", "docker_slot": null,
        "last_heartbeat": now, "status": "active", "current_task_id": null, "started_at": now, "completed_at": null,
        "created_at": now, "updated_at": now, "metadata": { "branch": "main" },
    }
}

/// Returns a task of the first session.
pub(crate) fn task(n: u64) -> Document {
    let now = DateTime::now();
    doc! {
        "task_id": uuid(n), "session_id": uuid(1), "project_id": "p1", "github_issue_id": "42", "task_name": "write it",
        "status": "in_progress", "started_at": now, "created_at": now, "updated_at": now,
    }
}

pub(crate) fn machine(n: u64) -> Document {
    let now = DateTime::now();
    doc! {
        "machine_id": format!("m{n}"), "hostname": "build-1", "docker_slots": [1, 2, 3], "active_sessions": [uuid(1)],
        "status": "online", "last_heartbeat": now, "created_at": now, "updated_at": now,
    }
}

/// Returns a key as Rekindle writes it.
pub(crate) fn api_key(n: u64) -> Document {
    doc! {
        "_id": uuid(n), "mark": bytes(16, n), "created_at": DateTime::now(), "name": format!("key {n}"),
        "secret": bytes(32, n), "role": "worker", "revision": 1_i64, "touches": 0_i64,
    }
}

/// Returns a response as Rekindle stores it, valid for a day.
pub(crate) fn answer(n: u64) -> Document {
    let now = DateTime::now();
    let until = DateTime::from_millis(now.timestamp_millis() + 86_400_000);
    doc! { "_id": bytes(32, n), "request": bytes(32, 0), "answer": bytes(3, n), "at": now, "until": until }
}

fn bytes(how_many: usize, n: u64) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: vec![u8::try_from(n % 256).unwrap(); how_many] }
}
