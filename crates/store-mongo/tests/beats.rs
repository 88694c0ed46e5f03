//! Heartbeats in batches: each heartbeat gets its own result, as if it had been sent alone, and few commands carry
//! many.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "test code: its way to report")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use rekindle_core::domain::session::{LiveState, Outcome, Phase};
use rekindle_core::store::{Changes, FindTyped, SessionHeartbeat, StoreError, Versioned, queries};
use rekindle_core::{MachineStatus, Session, Store};
use rekindle_mongod::case;
use rekindle_store_mongo::{MongoOptions, MongoStore};
use rekindle_testkit::MemoryStore;
use rekindle_testkit::sample::{self, NOON, noon_plus, text};

fn main() -> ExitCode {
    rekindle_mongod::suite(&[
        case!(each_of_a_thousand_heartbeats_gets_its_own_result),
        case!(machine_heartbeats_travel_in_batches),
        case!(heartbeat_is_recorded_after_its_caller_is_gone),
        case!(close_answers_accepted_heartbeats),
        case!(excess_heartbeats_are_rejected_and_the_rest_recorded),
    ])
}

/// A store on a database of its own.
struct Fixture {
    store: Arc<MongoStore>,
    client: mongodb::Client,
    database: String,
}

impl Fixture {
    async fn open(uri: &str) -> Self {
        let database = format!("rekindle-test-{:016x}", fastrand::u64(..));
        let options = MongoOptions {
            database: database.clone(),
            retention_days: 20_000,
            call_timeout: Duration::from_secs(60),
            ..MongoOptions::at(uri.parse().unwrap())
        };
        let store = Arc::new(MongoStore::connect(options).await.expect("a usable server"));
        prepared(&store).await;
        Self { store, client: mongodb::Client::with_uri_str(uri).await.unwrap(), database }
    }

    /// Returns the number of updates that the server has executed for any client: an upper bound of the store's.
    async fn updates(&self) -> i64 {
        let status = self.client.database("admin").run_command(doc! { "serverStatus": 1 }).await.unwrap();
        let commands = status.get_document("metrics").unwrap().get_document("commands").unwrap();
        commands.get_document("update").unwrap().get_i64("total").unwrap()
    }

    async fn drop(self) {
        self.store.close().await;
        self.client.database(&self.database).drop().await.unwrap();
    }
}

/// Returns session `n` in one of the states that matter for a heartbeat.
fn session(n: u64) -> Session {
    let mut session = sample::session(n);
    match n % 5 {
        0 => session.phase = sample::live(LiveState::Paused),
        1 => session.phase = sample::live(LiveState::Stalled { prepared_at: None }),
        2 => session.phase = sample::ended(NOON, Outcome::Completed),
        _ => {
            let Phase::Live(live) = &mut session.phase else { return session };
            live.current_task = Some(text("t"));
        }
    }
    session
}

/// Returns the heartbeats that are sent at once: of 300 existing sessions and of some missing ones; without a label,
/// with the right one and with a wrong one.
fn heartbeats() -> Vec<SessionHeartbeat> {
    let heartbeat = |n: u64| SessionHeartbeat {
        session: sample::session(n % 330).id,
        // The same for every heartbeat of one session, so that their order does not matter.
        at: noon_plus(i64::try_from(n % 330).unwrap() - 20),
        current_task: match n % 7 {
            0 | 1 => Some(text("t")),
            2 => Some(text("another")),
            _ => None,
        },
    };
    (0..1000).map(heartbeat).collect()
}

async fn each_of_a_thousand_heartbeats_gets_its_own_result(uri: String) {
    let fixture = Fixture::open(&uri).await;
    let memory = MemoryStore::new();
    let mut changes = Changes::default();
    for n in 0..300 {
        changes.insert(session(n));
    }
    fixture.store.commit(changes.clone()).await.unwrap();
    memory.commit(changes).await.unwrap();
    let before = fixture.updates().await;
    let sent: Vec<_> = heartbeats()
        .into_iter()
        .map(|heartbeat| {
            let store = Arc::clone(&fixture.store);
            tokio::spawn(async move { store.record_heartbeat(heartbeat).await })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.unwrap().unwrap());
    }
    let updates = fixture.updates().await - before;
    assert!(updates < 500, "{updates} updates for a thousand beats");
    for (heartbeat, answer) in heartbeats().into_iter().zip(answers) {
        assert_eq!(answer, memory.record_heartbeat(heartbeat.clone()).await.unwrap(), "{heartbeat:?}");
    }
    for n in 0..300 {
        let id = sample::session(n).id;
        assert_eq!(
            fixture.store.read(queries::session(id)).await.unwrap(),
            memory.read(queries::session(id)).await.unwrap()
        );
    }
    fixture.drop().await;
}

async fn machine_heartbeats_travel_in_batches(uri: String) {
    let fixture = Fixture::open(&uri).await;
    let mut changes = Changes::default();
    for n in 0..60 {
        let mut machine = sample::machine(&format!("m{n}"));
        machine.status = MachineStatus::ALL[n % MachineStatus::ALL.len()];
        changes.insert(machine);
    }
    fixture.store.commit(changes).await.unwrap();
    let sent: Vec<_> = (0..300)
        .map(|n| {
            let store = Arc::clone(&fixture.store);
            let machine = sample::machine_id(&format!("m{}", n % 70));
            tokio::spawn(async move { store.record_machine_heartbeat(&machine, noon_plus(5)).await })
        })
        .collect();
    for (n, answer) in sent.into_iter().enumerate() {
        let (n, answer) = (n % 70, answer.await.unwrap().unwrap());
        let status = MachineStatus::ALL[n % MachineStatus::ALL.len()];
        assert_eq!(answer.is_some(), n < 60 && status != MachineStatus::Offline, "machine {n}");
        assert!(answer.is_none_or(|row| row.value.last_heartbeat == noon_plus(5)));
    }
    fixture.drop().await;
}

async fn heartbeat_is_recorded_after_its_caller_is_gone(uri: String) {
    let fixture = Fixture::open(&uri).await;
    let session = sample::session(1);
    let mut changes = Changes::default();
    changes.insert(session.clone());
    fixture.store.commit(changes).await.unwrap();
    let heartbeat = SessionHeartbeat { session: session.id, at: noon_plus(7), current_task: None };
    {
        // The first poll enqueues it; then its caller is dropped.
        let call = fixture.store.record_heartbeat(heartbeat);
        tokio::pin!(call);
        let polled = futures_util::poll!(&mut call);
        assert!(polled.is_pending());
    }
    // A close waits for the accepted heartbeats.
    fixture.store.close().await;
    let sessions = fixture.client.database(&fixture.database).collection::<Document>("sessions");
    let stored = sessions.find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(stored.get_datetime("last_heartbeat").unwrap().timestamp_millis(), noon_plus(7).millis());
    fixture.drop().await;
}

async fn close_answers_accepted_heartbeats(uri: String) {
    let fixture = Fixture::open(&uri).await;
    let session = sample::session(1);
    let mut changes = Changes::default();
    changes.insert(session.clone());
    fixture.store.commit(changes).await.unwrap();
    let heartbeat = |at| SessionHeartbeat { session: session.id, at: noon_plus(at), current_task: None };
    let mut calls: Vec<_> = (0..200).map(|at| Box::pin(fixture.store.record_heartbeat(heartbeat(at)))).collect();
    for call in &mut calls {
        assert!(futures_util::poll!(call).is_pending());
    }
    let (answers, ()) = tokio::join!(all(calls), fixture.store.close());
    assert_eq!(answers.len(), 200);
    for answer in answers {
        assert!(answer.unwrap().is_some());
    }
    let refused = fixture.store.record_heartbeat(heartbeat(999)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    fixture.drop().await;
}

async fn excess_heartbeats_are_rejected_and_the_rest_recorded(uri: String) {
    // On one thread no batch leaves while this test enqueues heartbeats.
    let alone = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(fill_the_queue(uri));
    };
    tokio::task::spawn_blocking(alone).await.unwrap();
}

async fn fill_the_queue(uri: String) {
    const MAY_WAIT: usize = 8192;
    let fixture = Fixture::open(&uri).await;
    let session = sample::session(1);
    let mut changes = Changes::default();
    changes.insert(session.clone());
    fixture.store.commit(changes).await.unwrap();
    let heartbeat = SessionHeartbeat { session: session.id, at: noon_plus(1), current_task: None };
    let mut accepted = Vec::new();
    for n in 0..MAY_WAIT + 50 {
        let mut call = Box::pin(fixture.store.record_heartbeat(heartbeat.clone()));
        match futures_util::poll!(&mut call) {
            std::task::Poll::Pending => accepted.push(call),
            std::task::Poll::Ready(answer) => {
                assert!(matches!(answer, Err(StoreError::Overloaded(_))), "{answer:?}");
                assert!(n >= MAY_WAIT, "beat {n} was refused");
            }
        }
    }
    assert_eq!(accepted.len(), MAY_WAIT);
    for answer in all(accepted).await {
        assert!(answer.unwrap().is_some());
    }
    // There is room again.
    assert!(fixture.store.record_heartbeat(heartbeat).await.unwrap().is_some());
    fixture.drop().await;
}

/// Awaits the calls one after the other; all are under way already.
async fn all<F>(calls: Vec<F>) -> Vec<Result<Option<Versioned<Session>>, StoreError>>
where
    F: Future<Output = Result<Option<Versioned<Session>>, StoreError>>,
{
    let mut answers = Vec::with_capacity(calls.len());
    for call in calls {
        answers.push(call.await);
    }
    answers
}

/// Waits for the database: on a loaded machine it may not be prepared when the store opens.
async fn prepared(store: &MongoStore) {
    let began = std::time::Instant::now();
    while let Err(error) = store.ping().await {
        assert!(began.elapsed() < Duration::from_secs(120), "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
