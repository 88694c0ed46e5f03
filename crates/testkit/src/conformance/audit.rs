//! The audit trail: on whose behalf things happened, found again by filters, the latest first.

use std::net::IpAddr;
use std::sync::Arc;

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{AuditFilter, Changes, RecordedEvent};
use rekindle_core::{Actor, KeyId, SessionId, Store, TaskId};

use super::case::cases;
use crate::sample::{self, noon_plus, uuid};

cases![
    events_keep_on_whose_behalf_they_came,
    the_trail_is_the_events_backwards,
    the_trail_is_filtered,
    the_trail_goes_on_before_a_position,
];

fn by(key: Option<u64>, address: Option<&str>) -> Option<Actor> {
    let address = address.map(|address| address.parse::<IpAddr>().unwrap());
    Some(Actor { key: key.map(|n| KeyId(uuid(n))), address, request: uuid(500) })
}

/// Events at 0, 1, 2 … milliseconds after noon, each with a subject of its own kind.
fn events() -> Vec<Event> {
    let session = SessionId(uuid(1));
    let parts = [
        (EventKind::SessionCreated, Subject::Session(session), by(Some(7), Some("127.0.0.1"))),
        (EventKind::TaskCreated, Subject::Task(TaskId(uuid(2)), session), by(Some(8), Some("2001:db8::1"))),
        (EventKind::MachineRegistered, Subject::Machine(sample::machine_id("m")), by(Some(7), None)),
        (EventKind::AccessRefused, Subject::Service, by(None, Some("10.1.2.3"))),
        (EventKind::KeyCreated, Subject::Key(KeyId(uuid(9))), by(Some(7), None)),
        (EventKind::SessionStalled, Subject::Session(session), None),
        (EventKind::SessionCreated, Subject::Session(SessionId(uuid(3))), by(Some(8), None)),
    ];
    let event = |(at, (kind, subject, by))| Event { by, ..Event::new(noon_plus(at), kind, subject).with("n", at) };
    (0..).zip(parts).map(event).collect()
}

async fn stored(store: &Arc<dyn Store>) -> Vec<Event> {
    for event in events() {
        store.commit(Changes { events: vec![event], ..Changes::default() }).await.unwrap();
    }
    events()
}

/// The places of these events among those that were stored.
fn places(found: &[RecordedEvent]) -> Vec<i64> {
    found.iter().map(|recorded| recorded.event.detail["n"].as_i64().unwrap()).collect()
}

async fn events_keep_on_whose_behalf_they_came(store: Arc<dyn Store>) {
    let made = stored(&store).await;
    let found = store.events(None, 100).await.unwrap();
    assert_eq!(found.into_iter().map(|recorded| recorded.event).collect::<Vec<_>>(), made);
}

async fn the_trail_is_the_events_backwards(store: Arc<dyn Store>) {
    stored(&store).await;
    let mut forwards = store.events(None, 100).await.unwrap();
    forwards.reverse();
    let trail = store.audit_log(&AuditFilter::default(), None, 100).await.unwrap();
    assert_eq!(trail, forwards);
}

async fn the_trail_is_filtered(store: Arc<dyn Store>) {
    stored(&store).await;
    let all = AuditFilter::default;
    let filters = [
        (AuditFilter { key: Some(KeyId(uuid(7))), ..all() }, vec![4, 2, 0]),
        (AuditFilter { key: Some(KeyId(uuid(99))), ..all() }, vec![]),
        (AuditFilter { session: Some(SessionId(uuid(1))), ..all() }, vec![5, 1, 0]),
        (AuditFilter { machine: Some(sample::machine_id("m")), ..all() }, vec![2]),
        (AuditFilter { kind: Some(EventKind::SessionCreated), ..all() }, vec![6, 0]),
        (AuditFilter { kind: Some(EventKind::AccessRefused), ..all() }, vec![3]),
        (AuditFilter { since: Some(noon_plus(5)), ..all() }, vec![6, 5]),
        (AuditFilter { until: Some(noon_plus(2)), ..all() }, vec![1, 0]),
        (
            AuditFilter { since: Some(noon_plus(1)), until: Some(noon_plus(5)), key: Some(KeyId(uuid(7))), ..all() },
            vec![4, 2],
        ),
        (
            AuditFilter {
                session: Some(SessionId(uuid(1))),
                kind: Some(EventKind::SessionCreated),
                key: Some(KeyId(uuid(7))),
                ..all()
            },
            vec![0],
        ),
    ];
    for (filter, expected) in filters {
        let found = store.audit_log(&filter, None, 100).await.unwrap();
        assert_eq!(places(&found), expected, "{filter:?}");
    }
}

async fn the_trail_goes_on_before_a_position(store: Arc<dyn Store>) {
    stored(&store).await;
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let found = store.audit_log(&AuditFilter::default(), before.as_ref(), 2).await.unwrap();
        let Some(last) = found.last() else { break };
        before = Some(last.position.clone());
        seen.extend(places(&found));
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1, 0]);
    let filter = AuditFilter { key: Some(KeyId(uuid(7))), ..AuditFilter::default() };
    let first = store.audit_log(&filter, None, 1).await.unwrap();
    let rest = store.audit_log(&filter, Some(&first[0].position), 10).await.unwrap();
    assert_eq!((places(&first), places(&rest)), (vec![4], vec![2, 0]));
}
