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

/// Generous: the machine may be busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// A database that is dropped when its case has ended, however it ends.
#[derive(Clone)]
pub struct Scratch {
    pub db: Database,
    pub options: MongoOptions,
}

impl Scratch {
    pub async fn store(&self) -> MongoStore {
        open(&self.options).await
    }

    pub fn collection(&self, name: &str) -> Collection<Document> {
        self.db.collection(name)
    }
}

/// A store that can be used: on a busy machine it may open before the server has answered.
pub async fn open(options: &MongoOptions) -> MongoStore {
    let store = MongoStore::connect(options.clone()).await.unwrap();
    until(|| store.ping(), Result::is_ok).await.unwrap();
    store
}

/// Why a store cannot be opened; asked again while the server has not answered.
pub async fn refusal(options: &MongoOptions) -> ConnectError {
    let ask = || async {
        let opened = MongoStore::connect(options.clone()).await;
        if let Ok(store) = &opened {
            store.close().await;
        }
        opened.map(drop)
    };
    until(ask, Result::is_err).await.unwrap_err()
}

/// What a store at this address, with a database of its own, is opened with. The server itself cleans nothing up.
pub fn options(uri: &str) -> MongoOptions {
    let database = format!("rekindle-test-{:016x}", fastrand::u64(..));
    MongoOptions { database, retention_days: 20_000, ..MongoOptions::at(uri.parse().unwrap()) }
}

/// Runs a case on a database of its own.
pub async fn scratch<F>(uri: String, case: impl FnOnce(Scratch) -> F)
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

/// Nodes of one's own. Starting them blocks; a case has a thread for that.
pub fn nodes(binary: PathBuf, choose: impl FnOnce(&mut Options)) -> Nodes {
    let mut options = Options::at(binary);
    choose(&mut options);
    Nodes::start(options).unwrap()
}

/// Asks again until the answer will do.
pub async fn until<T: Debug, F: Future<Output = T>>(ask: impl Fn() -> F, will_do: impl Fn(&T) -> bool) -> T {
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

pub fn uuid(n: u64) -> String {
    rekindle_testkit::sample::uuid(n).to_string()
}

/// So many days ago, and a second.
pub fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_millis(DateTime::now().timestamp_millis() - days * 86_400_000 - 1000)
}

/// An active session as the product's data model has it.
pub fn session(n: u64) -> Document {
    let now = DateTime::now();
    doc! {
        "session_id": uuid(n), "project_id": format!("p{n}"), "machine_id": "m1", "docker_slot": null,
        "last_heartbeat": now, "status": "active", "current_task_id": null, "started_at": now, "completed_at": null,
        "created_at": now, "updated_at": now, "metadata": { "branch": "main" },
    }
}

/// A task of the first session.
pub fn task(n: u64) -> Document {
    let now = DateTime::now();
    doc! {
        "task_id": uuid(n), "session_id": uuid(1), "project_id": "p1", "github_issue_id": "42", "task_name": "write it",
        "status": "in_progress", "started_at": now, "created_at": now, "updated_at": now,
    }
}

pub fn machine(n: u64) -> Document {
    let now = DateTime::now();
    doc! {
        "machine_id": format!("m{n}"), "hostname": "build-1", "docker_slots": [1, 2, 3], "active_sessions": [uuid(1)],
        "status": "online", "last_heartbeat": now, "created_at": now, "updated_at": now,
    }
}

/// A key as we write it.
pub fn api_key(n: u64) -> Document {
    doc! {
        "_id": uuid(n), "mark": bytes(16, n), "created_at": DateTime::now(), "name": format!("key {n}"),
        "secret": bytes(32, n), "role": "worker", "revision": 1_i64, "touches": 0_i64,
    }
}

/// An answer as we write it; it stands for a day.
pub fn answer(n: u64) -> Document {
    let now = DateTime::now();
    let until = DateTime::from_millis(now.timestamp_millis() + 86_400_000);
    doc! { "_id": bytes(32, n), "request": bytes(32, 0), "answer": bytes(3, n), "at": now, "until": until }
}

fn bytes(how_many: usize, n: u64) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: vec![u8::try_from(n % 256).unwrap(); how_many] }
}
