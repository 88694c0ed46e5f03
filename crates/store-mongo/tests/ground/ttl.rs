//! The server's own TTL deletion, a day behind the retention job: on a server that deletes each second.

use std::path::PathBuf;

use bson::{Document, doc};
use rekindle_core::domain::session::{Ended, Outcome, Phase};
use rekindle_core::domain::task::TaskState;
use rekindle_core::store::{Changes, Entity, FindTyped, IdempotencyKey, Store, StoredResponse, queries};
use rekindle_core::{Session, SessionId, TaskId, Version};
use rekindle_mongod::{Case, Nodes, binary_case};
use rekindle_store_mongo::{MongoOptions, MongoStore};
use rekindle_testkit::sample::{self, uuid};

use crate::support::{days_ago, nodes, open, options, until};

pub(crate) const CASES: &[Case] = &[
    binary_case!(test_1_1_f_what_ended_31_days_ago_expires_and_what_is_archived_stays),
    binary_case!(changed_retention_changes_what_expires),
    binary_case!(expired_response_is_deleted),
];

fn quick(binary: PathBuf) -> Nodes {
    nodes(binary, |options| options.fast_ttl = true)
}

async fn commit<T>(store: &MongoStore, value: T, version: Option<Version>)
where
    T: Entity,
{
    let mut changes = Changes::default();
    match version {
        None => changes.insert(value),
        Some(version) => changes.update(value, version),
    }
    store.commit(changes).await.unwrap();
}

/// Makes a session with a task that was completed a year ago.
async fn begin(store: &MongoStore, n: u64) -> Session {
    let mut session = sample::session(n);
    session.last_heartbeat = days_ago(0);
    commit(store, session.clone(), None).await;
    let mut task = sample::task(1000 + n, &session);
    task.state = TaskState::Completed { started_at: None, at: days_ago(365) };
    commit(store, task, None).await;
    session
}

/// Makes such a session that ended this many days ago.
async fn ended(store: &MongoStore, n: u64, days: i64, archived: bool) {
    let mut session = begin(store, n).await;
    let archived_at = archived.then(|| days_ago(0));
    session.phase = Phase::Ended(Ended { at: days_ago(days), outcome: Outcome::Completed, archived_at });
    commit(store, session, Some(Version::FIRST)).await;
}

/// Returns which of these sessions still exist, and which of their tasks.
async fn left(store: &MongoStore, all: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let (mut sessions, mut tasks) = (Vec::new(), Vec::new());
    for n in all {
        let found = store.read(queries::session(SessionId(uuid(*n)))).await.unwrap();
        sessions.extend(found.map(|_| *n));
        let found = store.read(queries::task(TaskId(uuid(1000 + n)))).await.unwrap();
        tasks.extend(found.map(|_| *n));
    }
    (sessions, tasks)
}

/// Waits for two whole passes of the server's TTL deletion.
async fn passes(nodes: &Nodes) {
    let passes = || {
        let status = nodes.command(0, doc! { "serverStatus": 1 }).unwrap();
        let ttl = |status: &Document| status.get_document("metrics").unwrap().get_document("ttl").unwrap().clone();
        ttl(&status).get_i64("passes").unwrap()
    };
    let now = passes();
    until(|| async { passes() }, |then| *then >= now + 3).await;
}

async fn test_1_1_f_what_ended_31_days_ago_expires_and_what_is_archived_stays(binary: PathBuf) {
    let nodes = quick(binary);
    let options = MongoOptions { retention_days: 30, ..options(&nodes.uri()) };
    let store = open(&options).await;
    begin(&store, 1).await;
    ended(&store, 2, 31, false).await;
    ended(&store, 3, 31, true).await;
    ended(&store, 4, 29, false).await;
    ended(&store, 5, 400, true).await;
    let all = [1, 2, 3, 4, 5];
    let stay = vec![1, 3, 4, 5];
    until(|| left(&store, &all), |(sessions, tasks)| !sessions.contains(&2) && !tasks.contains(&2)).await;
    passes(&nodes).await;
    assert_eq!(left(&store, &all).await, (stay.clone(), stay));
    store.close().await;
}

async fn changed_retention_changes_what_expires(binary: PathBuf) {
    let nodes = quick(binary);
    let month = MongoOptions { retention_days: 30, ..options(&nodes.uri()) };
    let store = open(&month).await;
    ended(&store, 1, 20, false).await;
    ended(&store, 2, 5, false).await;
    let all = [1, 2];
    passes(&nodes).await;
    assert_eq!(left(&store, &all).await, (vec![1, 2], vec![1, 2]));
    store.close().await;

    let week = MongoOptions { retention_days: 7, ..month };
    let store = open(&week).await;
    until(|| left(&store, &all), |(sessions, tasks)| sessions.len() + tasks.len() <= 2).await;
    passes(&nodes).await;
    assert_eq!(left(&store, &all).await, (vec![2], vec![2]));
    store.close().await;
}

async fn expired_response_is_deleted(binary: PathBuf) {
    let nodes = quick(binary);
    let store = open(&options(&nodes.uri())).await;
    let (today, yesterday) = (days_ago(0), days_ago(1));
    let answer = |n: u8, at, until| StoredResponse {
        key: IdempotencyKey([n; 32]),
        request: [0; 32],
        answer: Box::new([n]),
        at,
        until,
    };
    let valid = answer(2, yesterday, days_ago(-1));
    for response in [answer(1, yesterday, today), valid.clone()] {
        store.commit(Changes { stored_response: Some(response), ..Changes::default() }).await.unwrap();
    }
    // Valid as of yesterday, unless they are deleted.
    let left = || async {
        let mut left = Vec::new();
        for n in [1, 2] {
            left.extend(store.read(queries::stored_response(&IdempotencyKey([n; 32]), yesterday)).await.unwrap());
        }
        left
    };
    until(left, |left| left.len() < 2).await;
    passes(&nodes).await;
    assert_eq!(left().await, [valid]);
    store.close().await;
}
