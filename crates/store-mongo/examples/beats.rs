//! Measures heartbeats a second: the store's batches against single `findOneAndUpdate`s, with 1, 64 and 512 callers.
//! `REKINDLE_TEST_MONGODB_URI=… cargo run --release -p rekindle-store-mongo --example beats`
#![expect(clippy::print_stdout, clippy::expect_used, reason = "an example: it shows figures")]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bson::{DateTime, RawDocumentBuf, doc};
use mongodb::options::{ReturnDocument, WriteConcern};
use rekindle_core::store::{Changes, SessionHeartbeat};
use rekindle_core::{SessionId, Store, Timestamp};
use rekindle_store_mongo::{MongoOptions, MongoStore};
use rekindle_testkit::sample;

const SESSIONS: u64 = 2_000;
const SPAN: Duration = Duration::from_secs(5);

/// Milliseconds after noon of the latest heartbeat.
static LATEST: AtomicI64 = AtomicI64::new(0);

#[tokio::main]
async fn main() -> ExitCode {
    let Some(uri) = rekindle_mongod::test_uri() else {
        println!("{} is not set", rekindle_mongod::TEST_URI);
        return ExitCode::FAILURE;
    };
    let database = format!("rekindle-bench-{:016x}", fastrand::u64(..));
    let address = uri.parse().expect("a connection string");
    let options = MongoOptions { database: database.clone(), retention_days: 20_000, ..MongoOptions::at(address) };
    let store = Arc::new(MongoStore::connect(options).await.expect("a usable server"));
    let mut changes = Changes::default();
    for n in 0..SESSIONS {
        changes.insert(sample::session(n));
    }
    store.commit(changes).await.expect("the sessions are stored");

    let mut options = mongodb::options::ClientOptions::parse(&uri).await.expect("a connection string");
    options.max_pool_size = Some(100);
    let client = mongodb::Client::with_options(options).expect("a client");
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    let of = mongodb::options::CollectionOptions::builder().write_concern(concern).build();
    let sessions = client.database(&database).collection_with_options::<RawDocumentBuf>("sessions", of);

    for callers in [1, 64, 512] {
        let of_store = Arc::clone(&store);
        let batched = rate(callers, move |session, at| {
            let store = Arc::clone(&of_store);
            async move {
                let heartbeat = SessionHeartbeat { session, at, current_task: None };
                store.record_heartbeat(heartbeat).await.expect("an outcome").expect("a row");
            }
        })
        .await;
        let of_driver = sessions.clone();
        let single = rate(callers, move |session, at| {
            let sessions = of_driver.clone();
            async move {
                let filter = doc! { "session_id": session.to_string(), "status": { "$in": ["active", "paused"] } };
                let update = doc! { "$max": { "last_heartbeat": DateTime::from_millis(at.millis()) } };
                let found = sessions.find_one_and_update(filter, update).return_document(ReturnDocument::After);
                found.await.expect("an outcome").expect("a row");
            }
        })
        .await;
        println!(
            "{callers:4} callers: {batched:7.0}/s in batches, {single:7.0}/s one by one, {:.1} times",
            batched / single
        );
    }
    store.close().await;
    client.database(&database).drop().await.expect("the database goes");
    ExitCode::SUCCESS
}

/// Returns heartbeats a second, with this many callers that each wait for the result before they send the next.
async fn rate<F: Future<Output = ()> + Send>(
    callers: u64,
    heartbeat: impl Fn(SessionId, Timestamp) -> F + Clone + Send + Sync + 'static,
) -> f64 {
    let done = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let calls: Vec<_> = (0..callers)
        .map(|caller| {
            let (done, heartbeat) = (Arc::clone(&done), heartbeat.clone());
            tokio::spawn(async move {
                let mut n = caller;
                while begun.elapsed() < SPAN {
                    // Later than all before it, in every round: a heartbeat that changes nothing costs the server
                    // nothing.
                    let at = sample::noon_plus(LATEST.fetch_add(1, Ordering::Relaxed));
                    heartbeat(sample::session(n % SESSIONS).id, at).await;
                    n += callers;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for call in calls {
        call.await.expect("no caller panics");
    }
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    let done = done.load(Ordering::Relaxed) as f64;
    done / begun.elapsed().as_secs_f64()
}
