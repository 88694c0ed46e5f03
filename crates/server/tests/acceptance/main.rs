//! The acceptance tests of the product's requirements, phases 1 to 3 and 5, through HTTP. Each test has the id of the
//! requirement's own test in its name.
#![expect(clippy::unwrap_used, reason = "a failed expectation is how a test reports")]

mod cleanup;
mod failures;
mod foundation;
mod health;
mod heartbeats;
mod logs;
mod machines;
mod monitoring;
mod recovery;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod tasks;

use std::time::{Duration, Instant};

use rekindle_core::Timestamp;
use rekindle_core::store::Changes;
use rekindle_testkit::sample;
use support::TestServer;

/// Creates an active session whose last heartbeat is this old, which no client can.
async fn silent_session(server: &TestServer, number: u64, silent_for: Duration) -> String {
    let now = server.tracker.now();
    let mut session = sample::session(number);
    session.created_at = now;
    session.last_heartbeat = now.minus(silent_for);
    let id = session.id.to_string();
    let mut changes = Changes::default();
    changes.insert(session);
    server.tracker.store().commit(changes).await.unwrap();
    id
}

/// Waits until a client sees the session in this status.
async fn becomes(server: &TestServer, session: &str, status: &str) {
    let began = Instant::now();
    while server.status(session).await != status {
        assert!(began.elapsed() < Duration::from_secs(20), "session {session} never became {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns the ids in a list.
fn ids(list: &support::Reply, of: &str, field: &str) -> Vec<String> {
    let items = list.field(of);
    items.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

/// Returns a time from a response.
fn time(reply: &support::Reply, field: &str) -> Timestamp {
    reply.text(field).parse().unwrap()
}
