//! Silent sessions and machines are found, longest silent first, and no others.

use rekindle_core::store::{FindTyped, queries};
use std::sync::Arc;

use rekindle_core::domain::session::LiveState;
use rekindle_core::{MachineStatus, Session, SessionId, Store, Timestamp};

use super::case::{cases, insert};
use crate::sample::{self, noon_plus, uuid};

cases![
    overdue_sessions_are_the_active_ones_heard_before,
    silent_sessions_are_the_stalled_and_the_overdue,
    overdue_machines_are_the_online_ones_heard_before,
    the_earliest_heartbeat_of_those_who_are_watched,
];

fn heard(n: u64, at: i64, state: LiveState) -> Session {
    let mut session = sample::session(n);
    session.last_heartbeat = noon_plus(at);
    session.phase = sample::live(state);
    session
}

async fn a_few(store: &Arc<dyn Store>) {
    let stalled = LiveState::Stalled { prepared_at: None };
    for (n, at, state) in [
        (1, 40, LiveState::Active),
        (2, 10, LiveState::Active),
        (3, 5, LiveState::Paused),
        (4, 20, stalled),
        (5, 30, LiveState::Active),
        (6, 90, stalled),
        (7, 30, LiveState::Active),
    ] {
        insert(store, heard(n, at, state)).await;
    }
    let mut ended = heard(8, 1, LiveState::Active);
    ended.phase = sample::ended(noon_plus(2), rekindle_core::domain::session::Outcome::Completed);
    insert(store, ended).await;
}

fn named<T>(rows: &[rekindle_core::Versioned<T>], id: impl Fn(&T) -> SessionId) -> Vec<SessionId> {
    rows.iter().map(|row| id(&row.value)).collect()
}

async fn overdue_sessions_are_the_active_ones_heard_before(store: Arc<dyn Store>) {
    a_few(&store).await;
    for (before, limit, expected) in [
        (noon_plus(40), 10, vec![2, 5, 7]),
        (noon_plus(41), 10, vec![2, 5, 7, 1]),
        (noon_plus(41), 2, vec![2, 5]),
        (noon_plus(10), 10, vec![]),
        (Timestamp::MIN, 10, vec![]),
    ] {
        let found = store.read(queries::overdue_sessions(before, limit)).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|n| SessionId(uuid(n))).collect();
        assert_eq!(named(&found, |session| session.id), expected, "before {before}");
    }
}

async fn silent_sessions_are_the_stalled_and_the_overdue(store: Arc<dyn Store>) {
    a_few(&store).await;
    for (before, limit, expected, total) in [
        (noon_plus(31), 10, vec![2, 4, 5, 7, 6], 5),
        (noon_plus(31), 2, vec![2, 4], 5),
        (Timestamp::MIN, 10, vec![4, 6], 2),
    ] {
        let found = store.read(queries::stalled_sessions(before, limit)).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|n| SessionId(uuid(n))).collect();
        assert_eq!((named(&found.items, |session| session.id), found.total), (expected, total), "before {before}");
    }
}

async fn overdue_machines_are_the_online_ones_heard_before(store: Arc<dyn Store>) {
    for (id, at, status) in [
        ("late", 10, MachineStatus::Online),
        ("later", 5, MachineStatus::Online),
        ("fine", 50, MachineStatus::Online),
        ("gone", 1, MachineStatus::Offline),
        ("resting", 1, MachineStatus::Maintenance),
    ] {
        let mut machine = sample::machine(id);
        machine.last_heartbeat = noon_plus(at);
        machine.status = status;
        insert(&store, machine).await;
    }
    for (limit, expected) in [(10, vec!["later", "late"]), (1, vec!["later"])] {
        let found = store.read(queries::overdue_machines(noon_plus(50), limit)).await.unwrap();
        assert_eq!(found.iter().map(|row| row.value.id.as_str()).collect::<Vec<_>>(), expected);
    }
    assert!(store.read(queries::overdue_machines(Timestamp::MIN, 10)).await.unwrap().is_empty());
}

async fn the_earliest_heartbeat_of_those_who_are_watched(store: Arc<dyn Store>) {
    a_few(&store).await;
    assert_eq!(store.read(queries::earliest_heartbeat()).await.unwrap(), Some(noon_plus(10)));
    super::heartbeats::beat(&store, SessionId(uuid(2)), noon_plus(100)).await.unwrap();
    assert_eq!(store.read(queries::earliest_heartbeat()).await.unwrap(), Some(noon_plus(30)));
    let mut machine = sample::machine("m");
    machine.last_heartbeat = noon_plus(7);
    insert(&store, machine.clone()).await;
    assert_eq!(store.read(queries::earliest_heartbeat()).await.unwrap(), Some(noon_plus(7)));
    store.record_machine_heartbeat(&machine.id, noon_plus(200)).await.unwrap();
    assert_eq!(store.read(queries::earliest_heartbeat()).await.unwrap(), Some(noon_plus(30)));
}
