//! Two stores on one file, as two processes have it: both write, each sees what the other has written, and only one has
//! a lease.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's way to report")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle_core::store::{
    Changes, Claim, CommitError, FindTyped, LeaseName, SessionHeartbeat, Store, StoreError, queries,
};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::sample::{self, noon_plus, uuid};

const PATIENCE: Duration = Duration::from_secs(30);

/// A store that waits long for the other one: this is about what comes out, not how fast.
fn open(path: &Path) -> Arc<SqliteStore> {
    let options = SqliteOptions { call_timeout: PATIENCE, ..SqliteOptions::at(Location::File(path.to_path_buf())) };
    Arc::new(SqliteStore::open(options).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_write_at_once_and_each_sees_what_the_other_was_told() {
    const EACH: u64 = 150;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let (one, other) = (open(&path), open(&path));
    let mut writers = Vec::new();
    for (n, (mine, theirs)) in [(&one, &other), (&other, &one)].into_iter().cycle().take(8).enumerate() {
        let (mine, theirs) = (Arc::clone(mine), Arc::clone(theirs));
        writers.push(tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            for m in 1..=EACH {
                let session = sample::session(n as u64 * 1000 + m);
                let (id, at) = (session.id, noon_plus(1));
                let began = Instant::now();
                let mut changes = Changes::default();
                changes.insert(session);
                mine.commit(changes).await.unwrap();
                longest = longest.max(began.elapsed());
                let seen =
                    theirs.record_heartbeat(SessionHeartbeat { session: id, at, current_task: None }).await.unwrap();
                assert_eq!(seen.unwrap().value.last_heartbeat, at);
                assert_eq!(mine.read(queries::session(id)).await.unwrap().unwrap().value.last_heartbeat, at);
            }
            longest
        }));
    }
    for writer in writers {
        println!("the slowest of {EACH} commits took {:?}", writer.await.unwrap());
    }
    assert_eq!(one.read(queries::counts()).await.unwrap().active, 8 * EACH);
    one.close().await;
    assert_eq!(other.read(queries::counts()).await.unwrap().active, 8 * EACH, "one leaves, the other goes on");
    other.ping().await.unwrap();
    other.close().await;
}

#[tokio::test]
async fn a_duty_is_one_stores_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared.db");
    let (one, other) = (open(&path), open(&path));
    let claim = |holder, millis| Claim {
        lease: LeaseName::Detection,
        holder: uuid(holder),
        ttl: Duration::from_millis(millis),
    };
    let first = one.claim(claim(1, 3_600_000)).await.unwrap().unwrap();
    assert_eq!(other.claim(claim(2, 1)).await.unwrap(), None);
    one.claim(claim(1, 1)).await.unwrap().unwrap();
    let began = Instant::now();
    let second = loop {
        if let Some(fence) = other.claim(claim(2, 3_600_000)).await.unwrap() {
            break fence;
        }
        assert!(began.elapsed() < PATIENCE, "the first claim does not run out");
    };
    let write = |n, fence| {
        let mut changes = Changes { fence: Some(fence), ..Changes::default() };
        changes.insert(sample::session(n));
        changes
    };
    assert!(matches!(one.commit(write(1, first)).await, Err(CommitError::Fenced)));
    other.commit(write(2, second)).await.unwrap();
    assert_eq!(one.read(queries::counts()).await.unwrap().active, 1);
    // What a store has given out outlives it: another that is opened later goes by it.
    other.close().await;
    assert!(matches!(other.claim(claim(2, 1)).await, Err(StoreError::Unavailable(_))));
    let third = open(&path);
    assert_eq!(third.claim(claim(3, 1)).await.unwrap(), None);
    third.close().await;
    one.close().await;
}
