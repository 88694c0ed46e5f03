//! What is stored comes back as it was, in every shape that it can have.

use std::sync::Arc;

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{Changes, DetectorState, DetectorStateUpdate, FindTyped, queries};
use rekindle_core::values::Slots;
use rekindle_core::{KeyId, MachineStatus, SessionId, Slot, Store, StoreError, TaskId, Timestamp, Version, Versioned};

use super::case::{assert_stale, cases, insert};
use crate::sample::{self, NOON, noon_plus, uuid};

cases![
    sessions_of_every_shape,
    tasks_of_every_shape,
    machines_of_every_shape,
    a_changed_session_comes_back_changed,
    nothing_is_found_where_nothing_is,
    the_largest_metadata,
    times_far_away,
    events_in_order,
    events_of_every_kind,
    the_watch,
    a_closed_store_says_so,
];

async fn sessions_of_every_shape(store: Arc<dyn Store>) {
    for session in sample::sessions_of_every_shape() {
        insert(&store, session.clone()).await;
        let found = store.read(queries::session(session.id)).await.unwrap();
        assert_eq!(found, Some(Versioned { value: session, version: Version::FIRST }));
    }
}

async fn tasks_of_every_shape(store: Arc<dyn Store>) {
    let session = sample::session(1);
    insert(&store, session.clone()).await;
    for task in sample::tasks_of_every_shape(&session) {
        insert(&store, task.clone()).await;
        let found = store.read(queries::task(task.id)).await.unwrap();
        assert_eq!(found, Some(Versioned { value: task, version: Version::FIRST }));
    }
}

async fn machines_of_every_shape(store: Arc<dyn Store>) {
    for (n, status) in MachineStatus::ALL.into_iter().enumerate() {
        let mut machine = sample::machine(&format!("m{n} Ü%2F?#;'\""));
        machine.status = status;
        machine.docker_slots = Slots::try_from(vec![Slot(3), Slot(0), Slot(65535)]).unwrap();
        machine.metadata = sample::awkward_metadata();
        machine.last_heartbeat = noon_plus(5);
        insert(&store, machine.clone()).await;
        let found = store.read(queries::machine(&machine.id)).await.unwrap();
        assert_eq!(found, Some(Versioned { value: machine, version: Version::FIRST }));
    }
}

async fn a_changed_session_comes_back_changed(store: Arc<dyn Store>) {
    // From every shape to every other: a column that a put forgets keeps what another shape left in it.
    let shapes = sample::sessions_of_every_shape();
    for (n, from) in (2000..).zip(&shapes) {
        let mut version = Version::FIRST;
        let mut first = from.clone();
        first.id = SessionId(uuid(n));
        first.project_id = sample::text(&format!("q{n}"));
        first.docker_slot = None;
        first.lineage.recovered_from = None;
        insert(&store, first.clone()).await;
        for to in &shapes {
            let mut next = first.clone();
            next.phase = to.phase.clone();
            next.metadata = to.metadata.clone();
            next.updated_at = to.updated_at;
            let mut changes = Changes::default();
            changes.update(next.clone(), version);
            store.commit(changes).await.unwrap();
            version = version.after_put();
            assert_eq!(store.read(queries::session(first.id)).await.unwrap(), Some(Versioned { value: next, version }));
        }
    }
}

async fn nothing_is_found_where_nothing_is(store: Arc<dyn Store>) {
    assert_eq!(store.read(queries::session(SessionId(uuid(1)))).await.unwrap(), None);
    assert_eq!(store.read(queries::task(TaskId(uuid(1)))).await.unwrap(), None);
    assert_eq!(store.read(queries::machine(&sample::machine_id("m1"))).await.unwrap(), None);
    assert_eq!(store.read(queries::detector_state()).await.unwrap(), None);
    assert_eq!(store.read(queries::earliest_heartbeat()).await.unwrap(), None);
    assert_eq!(store.read(queries::counts()).await.unwrap().total(), 0);
    assert!(store.events(None, 10).await.unwrap().is_empty());
}

async fn the_largest_metadata(store: Arc<dyn Store>) {
    let mut session = sample::session(1);
    session.metadata = sample::largest_metadata();
    insert(&store, session.clone()).await;
    assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().value, session);
}

async fn times_far_away(store: Arc<dyn Store>) {
    let mut session = sample::session(1);
    session.started_at = Timestamp::from_millis(-1);
    session.last_heartbeat = Timestamp::from_millis(253_402_300_799_999);
    insert(&store, session.clone()).await;
    assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().value, session);
}

async fn events_in_order(store: Arc<dyn Store>) {
    let session = sample::session(1);
    let subject = Subject::Session(session.id);
    let kinds = [EventKind::SessionCreated, EventKind::SessionPaused, EventKind::SessionResumed];
    let mut changes = Changes::default();
    changes.insert(session);
    // Out of the order of their times: the order is that of the commits.
    changes.events = (0..3).map(|n| Event::new(noon_plus(-n), kinds[n as usize], subject.clone())).collect();
    store.commit(changes).await.unwrap();
    let more = Event::new(NOON, EventKind::SessionStalled, subject).with("silent_for_ms", 1234);
    store.commit(Changes { events: vec![more.clone()], ..Changes::default() }).await.unwrap();

    let first = store.events(None, 2).await.unwrap();
    assert_eq!(first.iter().map(|recorded| recorded.event.kind).collect::<Vec<_>>(), kinds[..2]);
    let rest = store.events(Some(&first[1].position), 10).await.unwrap();
    assert_eq!(rest.iter().map(|recorded| recorded.event.kind).collect::<Vec<_>>(), [kinds[2], more.kind]);
    assert_eq!(rest[1].event, more);
    assert!(store.events(Some(&rest[1].position), 10).await.unwrap().is_empty());
}

async fn events_of_every_kind(store: Arc<dyn Store>) {
    let session = sample::session(1);
    insert(&store, session.clone()).await;
    let subjects = [
        Subject::Session(session.id),
        Subject::Task(TaskId(uuid(2)), session.id),
        Subject::Machine(sample::machine_id("m 1")),
        Subject::Key(KeyId(uuid(3))),
        Subject::Service,
    ];
    let mut events = Vec::new();
    for kind in EventKind::ALL {
        for subject in &subjects {
            events.push(Event::new(NOON, kind, subject.clone()).with("why", "it's \"so\""));
        }
    }
    store.commit(Changes { events: events.clone(), ..Changes::default() }).await.unwrap();
    let found = store.events(None, 1000).await.unwrap();
    assert_eq!(found.into_iter().map(|recorded| recorded.event).collect::<Vec<_>>(), events);
}

async fn the_watch(store: Arc<dyn Store>) {
    let note =
        |value, seen| Changes { detector_state: Some(DetectorStateUpdate { value, seen }), ..Changes::default() };
    let at =
        |n| DetectorState { last_pass_at: noon_plus(n), next_pass_due: noon_plus(n + 1), grace_until: Timestamp::MIN };
    let mut seen = None;
    for n in 0..3 {
        store.commit(note(at(n), seen)).await.unwrap();
        seen = store.read(queries::detector_state()).await.unwrap();
        assert_eq!(seen, Some(at(n)));
    }
    // An update that has read another state, or none, is stale.
    for old in [None, Some(at(1))] {
        assert_stale(&store.commit(note(at(9), old)).await);
    }
    // A commit that does not speak of it leaves it alone.
    insert(&store, sample::session(1)).await;
    assert_eq!(store.read(queries::detector_state()).await.unwrap(), seen);
}

async fn a_closed_store_says_so(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
    store.close().await;
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.read(queries::session(SessionId(uuid(1)))).await, Err(StoreError::Unavailable(_))));
}
