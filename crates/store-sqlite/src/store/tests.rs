//! Group commit from the inside: batches, what an error does to the others in one, full queues, and a dead writer.

use std::sync::mpsc::{SyncSender, sync_channel};

use rekindle_core::domain::session::Outcome;
use rekindle_core::store::{Expect, FindTyped, UniqueRule, Write, queries};
use rekindle_core::values::{SessionId, Slot, TaskId};
use rekindle_testkit::sample::{NOON, ended, noon_plus, session, task, text, uuid};

use super::*;
use crate::error::not_written;

/// A store in memory, whose writer can be held up.
fn store(options: SqliteOptions) -> SqliteStore {
    SqliteStore::open(options).unwrap()
}

/// Holds the writer up until the answer is dropped or sent to.
async fn hold(store: &SqliteStore) -> SyncSender<()> {
    let (release, held) = sync_channel(0);
    let (begun, began) = tokio::sync::oneshot::channel();
    let question = Box::new(move |_: &Connection| {
        begun.send(()).unwrap();
        let _ = held.recv();
    });
    store.writer().unwrap().ask(question).unwrap();
    began.await.unwrap();
    release
}

fn insert(n: u64) -> Changes {
    let mut changes = Changes::default();
    changes.insert(session(n));
    changes
}

fn beat(n: u64, millis: i64) -> SessionHeartbeat {
    SessionHeartbeat { session: SessionId(uuid(n)), at: noon_plus(millis), current_task: None }
}

async fn heard(store: &SqliteStore, n: u64) -> Option<Timestamp> {
    store.read(queries::session(SessionId(uuid(n)))).await.unwrap().map(|row| row.value.last_heartbeat)
}

/// Records the observed batches.
#[derive(Default)]
struct Batches(std::sync::Mutex<Vec<usize>>);

impl rekindle_core::store::BatchObserver for Batches {
    fn batch(&self, size: usize, _: Duration) {
        self.0.lock().unwrap().push(size);
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_each_batch() {
    let batches = Arc::new(Batches::default());
    let watch = rekindle_core::store::BatchObserverHandle::by(Arc::clone(&batches) as _);
    let store = store(SqliteOptions { watch, ..SqliteOptions::default() });
    let release = hold(&store).await;
    let commits: Vec<_> = (0..7).map(|n| store.commit(insert(n))).collect();
    let answers = tokio::join!(futures(commits), async {
        drop(release);
    })
    .0;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
    store.ping().await.unwrap();
    assert_eq!(*batches.0.lock().unwrap(), [7, 1]);
    store.close().await;
}

#[tokio::test]
async fn what_queues_up_shares_a_transaction() {
    let store = store(SqliteOptions::default());
    let release = hold(&store).await;
    let before = store.write_stats();
    let commits: Vec<_> = (0..100).map(|n| store.commit(insert(n))).collect();
    let answers = tokio::join!(futures(commits), async {
        drop(release);
    })
    .0;
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
    let written = store.write_stats();
    assert_eq!(written.commands - before.commands, 100);
    assert_eq!(written.transactions - before.transactions, 1);
    store.close().await;
}

/// Waits for all of them at once.
async fn futures<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in all.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(answer) = future.as_mut().poll(context) {
                *done = Some(answer);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_failing_command_harms_no_other_in_its_batch() {
    let store = store(SqliteOptions::default());
    store.commit(insert(1)).await.unwrap();
    let release = hold(&store).await;
    let before = store.write_stats();
    // Half-way through its own writes it meets a row that is there.
    let mut half_way = insert(2);
    half_way.insert(task(50, &session(2)));
    half_way.insert(session(1));
    let mut taken = Changes::default();
    let mut rival = session(3);
    rival.project_id = text("p1");
    taken.insert(rival);
    let stale = store.commit(half_way);
    let taken = store.commit(taken);
    let (a, b, c) = (store.commit(insert(4)), store.record_heartbeat(beat(1, 5)), store.record_heartbeat(beat(1, 3)));
    let missed = store.record_heartbeat(beat(99, 5));
    let (stale, taken, a, b, c, missed, ()) = tokio::join!(stale, taken, a, b, c, missed, async {
        drop(release);
    });
    assert!(matches!(stale, Err(CommitError::Stale)), "{stale:?}");
    assert!(matches!(taken, Err(CommitError::UniqueViolation(UniqueRule::ActivePerProjectAndMachine))), "{taken:?}");
    a.unwrap();
    assert_eq!(b.unwrap().unwrap().value.last_heartbeat, noon_plus(5));
    assert_eq!(c.unwrap().unwrap().value.last_heartbeat, noon_plus(5), "a heartbeat goes forward only");
    assert_eq!(missed.unwrap(), None);
    assert_eq!(store.write_stats().transactions - before.transactions, 1);
    assert_eq!(heard(&store, 2).await, None, "the failing commit left something behind");
    assert_eq!(store.read(queries::task(TaskId(uuid(50)))).await.unwrap(), None);
    assert_eq!(heard(&store, 4).await, Some(NOON));
    assert_eq!(heard(&store, 1).await, Some(noon_plus(5)));
    store.close().await;
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let store = store(SqliteOptions { queue_capacity: 2, ..SqliteOptions::default() });
    let release = hold(&store).await;
    let (a, b) = (store.commit(insert(1)), store.commit(insert(2)));
    let third = async {
        let refused = store.commit(insert(3)).await;
        assert!(matches!(refused, Err(CommitError::Failed(StoreError::Overloaded(_)))), "{refused:?}");
        assert!(matches!(store.ping().await, Err(StoreError::Overloaded(_))));
        drop(release);
    };
    let (a, b, ()) = tokio::join!(biased; a, b, third);
    a.unwrap();
    b.unwrap();
    assert_eq!(heard(&store, 3).await, None);
    store.ping().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_write_that_waited_too_long_is_withdrawn_and_never_happens() {
    let store = store(SqliteOptions { call_timeout: Duration::from_millis(50), ..SqliteOptions::default() });
    let release = hold(&store).await;
    let late = store.commit(insert(1)).await;
    assert!(matches!(late, Err(CommitError::Failed(StoreError::TimedOut(_)))), "{late:?}");
    let read = store.read(queries::counts()).await;
    assert!(matches!(read, Err(StoreError::TimedOut(_))), "{read:?}");
    drop(release);
    store.close().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_nothing() {
    let store = store(SqliteOptions::default());
    let release = hold(&store).await;
    {
        let mut given_up = Box::pin(store.commit(insert(1)));
        std::future::poll_fn(|context| {
            assert!(given_up.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
    drop(release);
    assert_eq!(heard(&store, 1).await, Some(NOON));
    store.close().await;
}

#[tokio::test]
async fn a_dead_writer_is_reported() {
    let store = store(SqliteOptions::default());
    let (begun, began) = tokio::sync::oneshot::channel();
    let deadly = Box::new(move |_: &Connection| {
        begun.send(()).unwrap();
        panic!("the writer is made to die");
    });
    store.writer().unwrap().ask(deadly).unwrap();
    began.await.unwrap();
    let refused = store.ping().await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let refused = store.commit(insert(1)).await;
    assert!(matches!(refused, Err(CommitError::Failed(StoreError::Unavailable(_)))), "{refused:?}");
    assert!(matches!(store.read(queries::counts()).await, Err(StoreError::Unavailable(_))));
    store.close().await;
}

#[tokio::test]
async fn each_rule_is_told_by_the_index_that_was_violated() {
    let store = store(SqliteOptions::default());
    let mut first = session(1);
    first.docker_slot = Some(Slot(7));
    first.lineage.recovered_from = Some(SessionId(uuid(77)));
    let mut changes = Changes::default();
    changes.insert(first.clone());
    store.commit(changes.clone()).await.unwrap();
    let again = store.commit(changes).await;
    assert!(matches!(again, Err(CommitError::Stale)), "itself breaks no rule: {again:?}");
    type Share = fn(&mut Session, &Session);
    let cases: [(Share, UniqueRule); 3] = [
        (|rival, first| rival.project_id = first.project_id.clone(), UniqueRule::ActivePerProjectAndMachine),
        (|rival, first| rival.docker_slot = first.docker_slot, UniqueRule::LivePerSlot),
        (|rival, first| rival.lineage.recovered_from = first.lineage.recovered_from, UniqueRule::Successor),
    ];
    for (n, (share, rule)) in (2..).zip(cases) {
        let mut rival = session(n);
        share(&mut rival, &first);
        let mut changes = Changes::default();
        changes.insert(rival.clone());
        let refused = store.commit(changes).await;
        assert!(matches!(refused, Err(CommitError::UniqueViolation(found)) if found == rule), "insert: {refused:?}");
        // The same by an update of a session that had ended; a session becomes no successor later.
        if rule == UniqueRule::Successor {
            continue;
        }
        let mut over = rival.clone();
        over.phase = ended(NOON, Outcome::Completed);
        let mut changes = Changes::default();
        changes.insert(over);
        store.commit(changes).await.unwrap();
        let put = Write::put(rival, Expect::At(rekindle_core::Version::FIRST));
        let changes = Changes { writes: vec![put], ..Changes::default() };
        let refused = store.commit(changes).await;
        assert!(matches!(refused, Err(CommitError::UniqueViolation(found)) if found == rule), "update: {refused:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_named() {
    let store = store(SqliteOptions::default());
    store.commit(insert(1)).await.unwrap();
    let spoil = "UPDATE sessions SET metadata = '[1]'";
    store.on_reader(move |db| db.execute_batch(spoil).map_err(|error| not_written(&error))).await.unwrap();
    let corrupt = store.read(queries::session(SessionId(uuid(1)))).await.unwrap_err();
    let StoreError::Corrupt(words) = &corrupt else { panic!("{corrupt:?}") };
    assert!(words.contains(&format!("row 1 ({}) of table sessions: metadata", uuid(1))), "{words}");
    store.close().await;
}

#[tokio::test]
async fn counts_kept_by_triggers_are_those_of_the_rows() {
    let store = store(SqliteOptions::default());
    let mut versions = Vec::new();
    for shape in rekindle_testkit::sample::sessions_of_every_shape() {
        let mut changes = Changes::default();
        changes.insert(shape.clone());
        store.commit(changes).await.unwrap();
        versions.push(shape);
    }
    // Every shape becomes every other's: each moves between counters.
    let phases: Vec<_> = versions.iter().map(|session| session.phase.clone()).collect();
    for round in 0..phases.len() {
        for (n, shape) in versions.iter_mut().enumerate() {
            shape.phase = phases[(n + round) % phases.len()].clone();
            let version = store.read(queries::session(shape.id)).await.unwrap().unwrap().version;
            let mut changes = Changes::default();
            changes.update(shape.clone(), version);
            store.commit(changes).await.unwrap();
        }
        let differing: i64 = store
            .on_reader(|db| {
                let sql = "SELECT count(*) FROM session_counts AS kept WHERE n <> (SELECT count(*) FROM sessions \
                           WHERE status = kept.status AND (archived_at IS NOT NULL) = kept.archived)";
                Ok(db.query_row(sql, [], |row| row.get(0)).unwrap())
            })
            .await
            .unwrap();
        assert_eq!(differing, 0, "after round {round}");
        assert_eq!(store.read(queries::counts()).await.unwrap().total(), versions.len() as u64);
    }
    store.close().await;
}

#[tokio::test]
async fn when_sqlite_undoes_all_the_others_are_done_alone() {
    let store = store(SqliteOptions::default());
    // Stands for a disk error: SQLite rolls the whole transaction back by itself.
    let fault = "CREATE TEMP TRIGGER fault BEFORE INSERT ON main.sessions WHEN new.project_id = 'p13' \
                 BEGIN SELECT RAISE(ROLLBACK, 'the disk says no'); END";
    store.on_reader(move |db| db.execute_batch(fault).map_err(|error| not_written(&error))).await.unwrap();
    let release = hold(&store).await;
    let before = store.write_stats();
    let (a, bad, b, ()) =
        tokio::join!(store.commit(insert(1)), store.commit(insert(13)), store.commit(insert(2)), async {
            drop(release);
        });
    a.unwrap();
    b.unwrap();
    let Err(CommitError::Failed(StoreError::Unavailable(why))) = bad else { panic!("{bad:?}") };
    assert!(why.contains("the disk says no"), "{why}");
    assert_eq!(store.write_stats().transactions - before.transactions, 4, "one together, then each alone");
    assert_eq!(heard(&store, 1).await, Some(NOON));
    assert_eq!(heard(&store, 13).await, None);
    assert_eq!(heard(&store, 2).await, Some(NOON));
    assert_eq!(store.read(queries::counts()).await.unwrap().active, 2);
    store.close().await;
}

#[tokio::test]
async fn a_read_that_takes_too_long_gives_its_thread_back() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("rekindle.db"));
    let limit = Duration::from_millis(300);
    let store = store(SqliteOptions { call_timeout: limit, readers: 1, ..SqliteOptions::at(location) });
    store.commit(insert(1)).await.unwrap();
    // Hours of counting.
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000000) SELECT max(i) FROM n";
    let count = |db: &Connection| db.query_row(endless, [], |_| Ok(())).map_err(|error| not_written(&error));
    let late = store.on_reader(count).await;
    assert!(matches!(late, Err(StoreError::TimedOut(_) | StoreError::Unavailable(_))), "{late:?}");
    let began = std::time::Instant::now();
    while store.read(queries::session(SessionId(uuid(1)))).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "the one reader never came back");
    }
    // Nor does a question that panics take it away.
    let panicked: ReadResult<()> = store.on_reader(|_| panic!("this question is made to panic")).await;
    assert!(panicked.is_err());
    assert!(store.read(queries::session(SessionId(uuid(1)))).await.unwrap().is_some());
    store.close().await;
}
