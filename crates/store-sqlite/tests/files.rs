//! A database in a file, over its life: reopened, closed with work in the queue, full, held by others.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test code: a failed expectation is its way to report")]

use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rekindle_core::store::{
    Changes, CommitError, Expect, FindTyped, PageRequest, SessionFilter, SessionHeartbeat, Start, StoreError,
    UniqueRule, Write, queries,
};
use rekindle_core::{Metadata, Session, SessionId, Slot, Store};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::sample::{machine, metadata, noon_plus, session, sessions_of_every_shape, task, uuid};

fn options(folder: &Path) -> SqliteOptions {
    SqliteOptions::at(Location::File(folder.join("rekindle.db")))
}

fn open(options: &SqliteOptions) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(options.clone()).expect("the database opens"))
}

fn insert(n: u64) -> Changes {
    let mut changes = Changes::default();
    changes.insert(session(n));
    changes
}

async fn total(store: &SqliteStore) -> u64 {
    let page = PageRequest { limit: 1, start: Start::Offset(0) };
    store.read(queries::sessions(&SessionFilter::default(), page)).await.unwrap().total
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let store = open(&options);
    let shapes = sessions_of_every_shape();
    for shape in &shapes {
        let mut changes = Changes::default();
        changes.insert(shape.clone());
        changes.insert(task(500 + shape.id.0.as_u128() as u64 % 400, shape));
        store.commit(changes).await.unwrap();
    }
    let mut changes = Changes::default();
    changes.insert(machine("m1"));
    store.commit(changes).await.unwrap();
    store
        .record_heartbeat(SessionHeartbeat { session: shapes[0].id, at: noon_plus(77), current_task: None })
        .await
        .unwrap()
        .unwrap();
    let before = everything(&store, &shapes).await;
    store.close().await;
    let store = open(&options);
    assert_eq!(everything(&store, &shapes).await, before);
    assert!(before.contains(&noon_plus(77).millis().to_string()));
    store.close().await;
}

/// All that the store shows, as text.
async fn everything(store: &SqliteStore, shapes: &[Session]) -> String {
    let mut all = String::new();
    for shape in shapes {
        all += &format!("{:?}\n", store.read(queries::session(shape.id)).await.unwrap().unwrap());
        all +=
            &format!("{:?}\n", store.read(queries::tasks_of(shape.id, &rekindle_core::TaskStatus::ALL)).await.unwrap());
    }
    all += &format!("{:?}\n", store.read(queries::machine(&machine("m1").id)).await.unwrap().unwrap());
    all += &format!("{:?} {}\n", store.read(queries::counts()).await.unwrap(), total(store).await);
    all
}

#[tokio::test]
async fn closing_finishes_what_was_asked_and_leaves_no_log_behind() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let store = open(&options);
    let mut writes: Vec<_> = (0..500).map(|n| store.commit(insert(n))).collect();
    // Polled once, each call has begun; whether it has its result yet does not matter.
    let mut answers = Vec::new();
    let mut waiting = Vec::new();
    for mut write in writes.drain(..) {
        match std::future::poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await {
            Poll::Ready(answer) => answers.push(answer),
            Poll::Pending => waiting.push(write),
        }
    }
    tokio::join!(store.close(), store.close());
    store.close().await;
    for write in waiting {
        answers.push(write.await);
    }
    assert_eq!(answers.into_iter().map(Result::unwrap).count(), 500);
    let refused = store.commit(insert(1000)).await;
    assert!(matches!(refused, Err(CommitError::Failed(StoreError::Unavailable(_)))), "{refused:?}");
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.read(queries::counts()).await, Err(StoreError::Unavailable(_))));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["rekindle.db"]);
    let store = open(&options);
    assert_eq!(total(&store).await, 500);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_heartbeats_share_transactions_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&options(folder.path()));
    for n in 0..20 {
        store.commit(insert(n)).await.unwrap();
    }
    let before = store.write_stats();
    let beats = (0..2000_u64).map(|beat| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let at = noon_plus(i64::try_from(beat).unwrap());
            store
                .record_heartbeat(SessionHeartbeat { session: SessionId(uuid(beat % 20)), at, current_task: None })
                .await
        })
    });
    for beat in beats.collect::<Vec<_>>() {
        beat.await.unwrap().unwrap().unwrap();
    }
    let written = store.write_stats();
    assert_eq!(written.commands - before.commands, 2000);
    let transactions = written.transactions - before.transactions;
    assert!(transactions < 1000, "2000 heartbeats took {transactions} transactions");
    for n in 0..20 {
        let row = store.read(queries::session(SessionId(uuid(n)))).await.unwrap().unwrap();
        assert_eq!(row.value.last_heartbeat, noon_plus(1980 + i64::try_from(n).unwrap()));
        assert_eq!(row.version, rekindle_core::Version::FIRST);
    }
    store.close().await;
}

fn bulky(n: u64) -> Changes {
    let mut big = session(n);
    big.metadata = metadata(serde_json::json!({ "x": "y".repeat(60_000) }));
    let mut changes = Changes::default();
    changes.insert(big);
    changes
}

#[tokio::test]
async fn a_full_disk_refuses_writes_keeps_the_rest_and_takes_them_again_after_a_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&SqliteOptions { max_pages: Some(400), ..options(folder.path()) });
    let mut stored = 0;
    let refused = loop {
        match store.commit(bulky(stored)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "the quota does not hold");
    };
    assert!(
        matches!(&refused, CommitError::Failed(StoreError::Unavailable(why)) if why.contains("full")),
        "{refused:?}"
    );
    assert!(stored > 5);
    assert_eq!(total(&store).await, stored, "earlier data is there, and nothing of the refused write");
    // Those that need no room are still done, also in one batch with one that does.
    let beat = SessionHeartbeat { session: SessionId(uuid(0)), at: noon_plus(9), current_task: None };
    let (beat, refused) = tokio::join!(store.record_heartbeat(beat), store.commit(bulky(stored)));
    assert_eq!(beat.unwrap().unwrap().value.last_heartbeat, noon_plus(9));
    assert!(matches!(refused, Err(CommitError::Failed(StoreError::Unavailable(_)))), "{refused:?}");
    let version = store.read(queries::session(SessionId(uuid(1)))).await.unwrap().unwrap().version;
    let writes = vec![Write::delete::<Session>(SessionId(uuid(1)), version)];
    store.commit(Changes { writes, ..Changes::default() }).await.unwrap();
    store.commit(bulky(stored)).await.expect("there is room again");
    assert_eq!(total(&store).await, stored);
    store.close().await;
    let store = open(&options(folder.path()));
    assert_eq!(total(&store).await, stored);
    store.close().await;
}

#[tokio::test]
async fn a_database_that_another_program_holds_is_unavailable_until_it_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { call_timeout: Duration::from_millis(400), ..options(folder.path()) };
    let store = open(&options);
    store.commit(insert(1)).await.unwrap();
    let other = rusqlite::Connection::open(folder.path().join("rekindle.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.commit(insert(2)).await;
    assert!(
        matches!(&refused, Err(CommitError::Failed(StoreError::Unavailable(why))) if why.contains("another program")),
        "{refused:?}"
    );
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert_eq!(total(&store).await, 1, "reading goes on");
    other.execute_batch("COMMIT").unwrap();
    store.commit(insert(2)).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_put_with_large_metadata_comes_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&options(folder.path()));
    store.commit(insert(1)).await.unwrap();
    let mut big = session(1);
    big.metadata = rekindle_testkit::sample::largest_metadata();
    let put = Write::put(big.clone(), Expect::At(rekindle_core::Version::FIRST));
    store.commit(Changes { writes: vec![put], ..Changes::default() }).await.unwrap();
    let row = store.read(queries::session(big.id)).await.unwrap().unwrap();
    assert_eq!(row.value.metadata, big.metadata);
    assert_ne!(row.value.metadata, Metadata::default());
    store.close().await;
}

#[tokio::test]
async fn the_log_does_not_grow_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&options(folder.path()));
    for n in 0..50 {
        store.commit(bulky(n)).await.unwrap();
    }
    // About 50 MB of log pages go by; each heartbeat rewrites the row with its metadata.
    for round in 0..16 {
        for n in 0..50 {
            let beat = SessionHeartbeat { session: SessionId(uuid(n)), at: noon_plus(round), current_task: None };
            store.record_heartbeat(beat).await.unwrap().unwrap();
        }
    }
    let log = std::fs::metadata(folder.path().join("rekindle.db-wal")).unwrap().len();
    assert!(log < 40 * 1024 * 1024, "the log holds {log} bytes");
    store.close().await;
}

#[tokio::test]
async fn who_breaks_several_rules_hears_of_the_active_session_first_also_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let store = open(&options);
    let mut holder = session(1);
    holder.docker_slot = Some(Slot(3));
    let mut changes = insert(2);
    changes.insert(holder);
    store.commit(changes).await.unwrap();
    let mut rival = session(3);
    rival.project_id = session(2).project_id;
    rival.docker_slot = Some(Slot(3));
    let mut changes = Changes::default();
    changes.insert(rival);
    let first = UniqueRule::ActivePerProjectAndMachine;
    let refused = store.commit(changes.clone()).await;
    assert!(matches!(refused, Err(CommitError::UniqueViolation(rule)) if rule == first), "{refused:?}");
    store.close().await;
    let store = open(&options);
    let refused = store.commit(changes).await;
    assert!(matches!(refused, Err(CommitError::UniqueViolation(rule)) if rule == first), "{refused:?}");
    store.close().await;
}
