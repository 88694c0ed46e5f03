//! Transactions on a server that fails on demand: a failed commit leaves nothing behind, neither in the database nor
//! open on the server, and an unknown outcome is resolved where it can be.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code: its way to report")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bson::{Document, doc};
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::domain::session::Session;
use rekindle_core::store::{
    Changes, CommitError, Committed, FindTyped, IdempotencyKey, SessionHeartbeat, StoreError, StoredResponse,
    UniqueRule, Version, Write, queries,
};
use rekindle_core::{Store, TaskStatus, Timestamp};
use rekindle_mongod::{Nodes, Options, binary_case};
use rekindle_store_mongo::{MongoOptions, MongoStore};
use rekindle_testkit::sample::{self, NOON, noon_plus};

fn main() -> ExitCode {
    rekindle_mongod::suite(&[
        binary_case!(failed_cascade_changes_nothing),
        binary_case!(rejected_row_undoes_the_statements_before_it),
        binary_case!(commit_with_a_lost_reply_is_resolved),
        binary_case!(commit_without_a_reply_is_unknown),
        binary_case!(conflict_is_retried),
        binary_case!(locked_row_fails_before_the_deadline),
        binary_case!(stale_transaction_is_ended),
        binary_case!(broken_connection_leaves_no_transaction_open),
        binary_case!(single_write_with_a_lost_reply_happens_once),
        binary_case!(response_with_a_lost_reply_is_stored_once),
        binary_case!(of_two_responses_the_committed_one_is_stored),
    ])
}

/// A server whose failures can be chosen, and a store on it.
struct Fixture {
    nodes: Nodes,
    store: MongoStore,
    client: mongodb::Client,
}

const DATABASE: &str = "transactions";

impl Fixture {
    async fn start(binary: PathBuf) -> Self {
        Self::with_timeout(binary, Duration::from_secs(60)).await
    }

    async fn with_timeout(binary: PathBuf, call_timeout: Duration) -> Self {
        let nodes = Nodes::start(Options { failpoints: true, ..Options::at(binary) }).expect("a server");
        let uri = nodes.uri();
        let options =
            MongoOptions { database: DATABASE.to_owned(), call_timeout, ..MongoOptions::at(uri.parse().unwrap()) };
        let store = MongoStore::connect(options).await.expect("a usable server");
        prepared(&store).await;
        let client = mongodb::Client::with_uri_str(uri).await.unwrap();
        Self { nodes, store, client }
    }

    /// Makes commands fail, by the failpoint of the server's own tests.
    fn fail(&self, mode: Document, data: Document) {
        let command = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
        self.nodes.command(0, command).unwrap();
    }

    fn fail_no_more(&self) {
        self.nodes.command(0, doc! { "configureFailPoint": "failCommand", "mode": "off" }).unwrap();
    }

    fn open_transactions(&self) -> i64 {
        let status = self.nodes.command(0, doc! { "serverStatus": 1 }).unwrap();
        status.get_document("transactions").unwrap().get_i64("currentOpen").unwrap()
    }

    /// Asserts that no transaction stays open. An abort may be under way in the background.
    async fn assert_no_open_transaction(&self) {
        for _ in 0..300 {
            if self.open_transactions() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{} transactions stay open", self.open_transactions());
    }

    async fn insert_family(&self) -> Session {
        let session = sample::session(1);
        let mut changes = Changes::default();
        changes.insert(session.clone());
        for n in 10..13 {
            changes.insert(sample::task(n, &session));
        }
        changes.events.push(Event::new(NOON, EventKind::SessionCreated, Subject::Session(session.id)));
        self.store.commit(changes).await.unwrap();
        session
    }

    async fn assert_family_is_whole(&self, session: &Session) {
        assert_eq!(self.store.read(queries::session(session.id)).await.unwrap().unwrap().value, *session);
        assert_eq!(self.store.read(queries::tasks_of(session.id, &TaskStatus::ALL)).await.unwrap().len(), 3);
        assert_eq!(self.store.events(None, 10).await.unwrap().len(), 1);
    }

    async fn end(self) {
        self.store.close().await;
    }
}

fn deletion(session: &Session) -> Changes {
    let mut changes = Changes::default();
    changes.writes.push(Write::delete::<Session>(session.id, Version::FIRST));
    changes.events.push(Event::new(NOON, EventKind::SessionDeleted, Subject::Session(session.id)));
    changes
}

/// Returns a put of the session with an event.
fn update(session: &Session, at: Version) -> Changes {
    let mut next = session.clone();
    next.updated_at = noon_plus(1);
    let mut changes = Changes::default();
    changes.update(next, at);
    changes.events.push(Event::new(NOON, EventKind::SessionUpdated, Subject::Session(session.id)));
    changes
}

async fn failed_cascade_changes_nothing(binary: PathBuf) {
    let fixture = Fixture::start(binary).await;
    let session = fixture.insert_family().await;
    // The delete of the session succeeds, that of its tasks fails: 96 is OperationFailed.
    fixture.fail(doc! { "skip": 1 }, doc! { "failCommands": ["delete"], "errorCode": 96 });
    let failed = fixture.store.commit(deletion(&session)).await;
    assert!(matches!(failed, Err(CommitError::Failed(StoreError::Unavailable(_)))), "{failed:?}");
    fixture.fail_no_more();
    fixture.assert_family_is_whole(&session).await;
    fixture.assert_no_open_transaction().await;
    let deleted = fixture.store.commit(deletion(&session)).await.unwrap();
    assert_eq!(deleted, Committed { deleted_tasks: 3, purged_events: 0 });
    assert_eq!(fixture.store.read(queries::session(session.id)).await.unwrap(), None);
    fixture.end().await;
}

async fn rejected_row_undoes_the_statements_before_it(binary: PathBuf) {
    let fixture = Fixture::start(binary).await;
    let session = fixture.insert_family().await;
    let strict = doc! { "collMod": "events", "validator": { "kind": "session.created" } };
    fixture.client.database(DATABASE).run_command(strict).await.unwrap();
    let failed = fixture.store.commit(deletion(&session)).await;
    assert!(matches!(failed, Err(CommitError::Failed(StoreError::Corrupt(_)))), "{failed:?}");
    fixture.assert_family_is_whole(&session).await;
    fixture.assert_no_open_transaction().await;
    fixture.end().await;
}

async fn commit_with_a_lost_reply_is_resolved(binary: PathBuf) {
    let fixture = Fixture::start(binary).await;
    let session = fixture.insert_family().await;
    // Twice for the driver's own attempts; the third is the store's.
    fixture.fail(doc! { "times": 2 }, doc! { "failCommands": ["commitTransaction"], "closeConnection": true });
    fixture.store.commit(update(&session, Version::FIRST)).await.unwrap();
    let stored = fixture.store.read(queries::session(session.id)).await.unwrap().unwrap();
    assert_eq!(stored.version, Version { revision: 2, touches: 0 });
    assert_eq!(fixture.store.events(None, 10).await.unwrap().len(), 2);
    fixture.assert_no_open_transaction().await;
    fixture.end().await;
}

async fn commit_without_a_reply_is_unknown(binary: PathBuf) {
    let fixture = Fixture::with_timeout(binary, Duration::from_secs(3)).await;
    let session = fixture.insert_family().await;
    let mode = doc! { "failCommands": ["commitTransaction"], "closeConnection": true };
    fixture.nodes.command(0, doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": mode }).unwrap();
    let outcome = fixture.store.commit(update(&session, Version::FIRST)).await;
    assert!(matches!(outcome, Err(CommitError::Failed(StoreError::Unknown(_)))), "{outcome:?}");
    fixture.fail_no_more();
    // It was not committed, and the server ends it by itself later; another attempt does not wait for that.
    fixture.end().await;
}

async fn conflict_is_retried(binary: PathBuf) {
    let fixture = Fixture::start(binary).await;
    let session = fixture.insert_family().await;
    // A rival locks the session's row, and unlocks it after the server has rejected one attempt.
    let mut rival = fixture.client.start_session().await.unwrap();
    rival.start_transaction().await.unwrap();
    let sessions = fixture.client.database(DATABASE).collection::<Document>("sessions");
    let touch = doc! { "$set": { "updated_at": bson::DateTime::from_millis(0) } };
    sessions.update_one(doc! { "session_id": session.id.to_string() }, touch).session(&mut rival).await.unwrap();
    let commit = async { fixture.store.commit(update(&session, Version::FIRST)).await };
    let rival = async {
        while aborted(&fixture) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rival.abort_transaction().await.unwrap();
    };
    let (committed, ()) = tokio::join!(commit, rival);
    committed.unwrap();
    let stored = fixture.store.read(queries::session(session.id)).await.unwrap().unwrap();
    assert_eq!((stored.version.revision, stored.value.updated_at), (2, noon_plus(1)));
    fixture.assert_no_open_transaction().await;
    fixture.end().await;
}

fn aborted(fixture: &Fixture) -> i64 {
    let status = fixture.nodes.command(0, doc! { "serverStatus": 1 }).unwrap();
    status.get_document("transactions").unwrap().get_i64("totalAborted").unwrap()
}

async fn locked_row_fails_before_the_deadline(binary: PathBuf) {
    let fixture = Fixture::with_timeout(binary, Duration::from_secs(2)).await;
    let session = fixture.insert_family().await;
    let mut rival = fixture.client.start_session().await.unwrap();
    rival.start_transaction().await.unwrap();
    let sessions = fixture.client.database(DATABASE).collection::<Document>("sessions");
    let touch = doc! { "$set": { "updated_at": bson::DateTime::from_millis(0) } };
    sessions.update_one(doc! { "session_id": session.id.to_string() }, touch).session(&mut rival).await.unwrap();
    let outcome = fixture.store.commit(update(&session, Version::FIRST)).await;
    let in_vain = |error: &StoreError| matches!(error, StoreError::Unavailable(_) | StoreError::Unknown(_));
    assert!(matches!(&outcome, Err(CommitError::Failed(error)) if in_vain(error)), "{outcome:?}");
    rival.abort_transaction().await.unwrap();
    fixture.assert_no_open_transaction().await;
    assert_eq!(fixture.store.read(queries::session(session.id)).await.unwrap().unwrap().version, Version::FIRST);
    fixture.end().await;
}

/// A killed process leaves such a transaction: the database would keep it, and the row, for a minute.
async fn stale_transaction_is_ended(binary: PathBuf) {
    let fixture = Fixture::with_timeout(binary, Duration::from_secs(30)).await;
    let session = fixture.insert_family().await;
    let sessions = fixture.client.database(DATABASE).collection::<Document>("sessions");
    let filter = doc! { "session_id": session.id.to_string() };
    let mut dead = Vec::new();
    for change in ["a commit", "a heartbeat"] {
        let mut held = fixture.client.start_session().await.unwrap();
        held.start_transaction().await.unwrap();
        let touch = doc! { "$set": { "updated_at": bson::DateTime::from_millis(0) } };
        sessions.update_one(filter.clone(), touch).session(&mut held).await.unwrap();
        dead.push(held);
        if change == "a commit" {
            fixture.store.commit(update(&session, Version::FIRST)).await.unwrap();
        } else {
            let heartbeat = SessionHeartbeat { session: session.id, at: noon_plus(9), current_task: None };
            assert_eq!(
                fixture.store.record_heartbeat(heartbeat).await.unwrap().unwrap().value.last_heartbeat,
                noon_plus(9)
            );
        }
    }
    assert_eq!(fixture.open_transactions(), 0);
    fixture.end().await;
}

async fn broken_connection_leaves_no_transaction_open(binary: PathBuf) {
    let fixture = Fixture::start(binary).await;
    let session = fixture.insert_family().await;
    // The put is done by then; the event's insert fails, twice.
    fixture.fail(doc! { "times": 2 }, doc! { "failCommands": ["insert"], "closeConnection": true });
    fixture.store.commit(update(&session, Version::FIRST)).await.unwrap();
    assert_eq!(fixture.store.read(queries::session(session.id)).await.unwrap().unwrap().version.revision, 2);
    assert_eq!(fixture.store.events(None, 10).await.unwrap().len(), 2);
    fixture.assert_no_open_transaction().await;
    fixture.end().await;
}

async fn single_write_with_a_lost_reply_happens_once(binary: PathBuf) {
    let fixture = Fixture::start(binary).await;
    let session = fixture.insert_family().await;
    fixture.fail(doc! { "times": 1 }, doc! { "failCommands": ["update"], "closeConnection": true });
    let touch = || Changes { writes: vec![Write::touch::<Session>(session.id, 1)], ..Changes::default() };
    fixture.store.commit(touch()).await.unwrap();
    assert_eq!(fixture.store.read(queries::session(session.id)).await.unwrap().unwrap().version.touches, 1);
    // Here the write happened, and the server could not reach the other members.
    let lost_reply = doc! {
        "failCommands": ["update"],
        "writeConcernError": { "code": 89, "errmsg": "network timeout", "errorLabels": ["RetryableWriteError"] },
    };
    fixture.fail(doc! { "times": 1 }, lost_reply);
    fixture.store.commit(touch()).await.unwrap();
    assert_eq!(fixture.store.read(queries::session(session.id)).await.unwrap().unwrap().version.touches, 2);
    // The driver's second attempt fails as well: the write may have happened, and has not.
    fixture.fail(doc! { "times": 2 }, doc! { "failCommands": ["update"], "closeConnection": true });
    let outcome = fixture.store.commit(touch()).await;
    assert!(matches!(outcome, Err(CommitError::Failed(StoreError::Unknown(_)))), "{outcome:?}");
    fixture.end().await;
}

fn answer(n: u8) -> Option<StoredResponse> {
    let key = IdempotencyKey([n; 32]);
    // Unexpired by the server's clock as well.
    let now = bson::DateTime::now().timestamp_millis();
    let (at, until) = (Timestamp::from_millis(now), Timestamp::from_millis(now + 3_600_000));
    Some(StoredResponse { key, request: [0; 32], answer: Box::new([n]), at, until })
}

#[track_caller]
fn assert_taken(outcome: &Result<Committed, CommitError>) {
    assert!(matches!(outcome, Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey))), "{outcome:?}");
}

async fn response_with_a_lost_reply_is_stored_once(binary: PathBuf) {
    let fixture = Fixture::start(binary).await;
    let session = fixture.insert_family().await;
    // In a transaction: the driver's two attempts and the store's.
    fixture.fail(doc! { "times": 2 }, doc! { "failCommands": ["commitTransaction"], "closeConnection": true });
    let with = Changes { stored_response: answer(1), ..update(&session, Version::FIRST) };
    fixture.store.commit(with.clone()).await.unwrap();
    assert_taken(&fixture.store.commit(with.clone()).await);
    // As a single statement: once the request fails, and once the response is stored and the reply is lost.
    let alone = |n| Changes { stored_response: answer(n), ..Changes::default() };
    fixture.fail(doc! { "times": 1 }, doc! { "failCommands": ["update"], "closeConnection": true });
    fixture.store.commit(alone(2)).await.unwrap();
    let lost_reply = doc! {
        "failCommands": ["update"],
        "writeConcernError": { "code": 89, "errmsg": "network timeout", "errorLabels": ["RetryableWriteError"] },
    };
    fixture.fail(doc! { "times": 1 }, lost_reply);
    fixture.store.commit(alone(3)).await.unwrap();
    for n in [2, 3] {
        assert_taken(&fixture.store.commit(alone(n)).await);
    }
    assert_eq!(fixture.store.read(queries::session(session.id)).await.unwrap().unwrap().version.revision, 2);
    fixture.assert_no_open_transaction().await;
    fixture.end().await;
}

async fn of_two_responses_the_committed_one_is_stored(binary: PathBuf) {
    let fixture = Fixture::start(binary).await;
    let session = fixture.insert_family().await;
    let answers = fixture.client.database(DATABASE).collection::<Document>("answers");
    let bytes = |n: u8| bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![n; 32] };
    let later = bson::DateTime::from_millis(bson::DateTime::now().timestamp_millis() + 3_600_000);
    for (n, goes_through) in [(1, false), (2, true)] {
        let mut rival = fixture.client.start_session().await.unwrap();
        rival.start_transaction().await.unwrap();
        let mut theirs = doc! { "_id": bytes(n), "request": bytes(0), "answer": bytes(9) };
        theirs.extend(doc! { "at": bson::DateTime::now(), "until": later });
        answers.insert_one(theirs).session(&mut rival).await.unwrap();
        let before = aborted(&fixture);
        let commit = fixture.store.commit(Changes { stored_response: answer(n), ..update(&session, Version::FIRST) });
        let rival = async {
            while aborted(&fixture) == before {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            match goes_through {
                true => rival.abort_transaction().await.unwrap(),
                false => rival.commit_transaction().await.unwrap(),
            }
        };
        let (outcome, ()) = tokio::join!(commit, rival);
        if goes_through {
            outcome.unwrap();
        } else {
            assert_taken(&outcome);
        }
    }
    assert_eq!(fixture.store.read(queries::session(session.id)).await.unwrap().unwrap().version.revision, 2);
    fixture.assert_no_open_transaction().await;
    fixture.end().await;
}

/// Waits for the database: on a loaded machine it may not be prepared when the store opens.
async fn prepared(store: &MongoStore) {
    let began = std::time::Instant::now();
    while let Err(error) = store.ping().await {
        assert!(began.elapsed() < Duration::from_secs(120), "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
