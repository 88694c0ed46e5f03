//! Expired sessions are found, and events that belong to no session are purged by age.

use std::sync::Arc;

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::domain::session::{Outcome, Phase};
use rekindle_core::store::{Changes, EVENT_PURGE_BATCH, Expired, ExpiredCounts, FindTyped, queries};
use rekindle_core::{SessionId, Store, Timestamp, Version};

use super::case::{cases, insert};
use crate::sample::{self, NOON, noon_plus, uuid};

cases![
    the_expired_are_ended_old_and_not_archived,
    events_of_nobody_are_forgotten_by_age,
    many_events_are_forgotten_a_part_at_a_time,
];

async fn the_expired_are_ended_old_and_not_archived(store: Arc<dyn Store>) {
    for (n, at, archived) in [(1, 30, false), (2, 10, false), (3, 20, true), (4, 40, false), (5, 10, false)] {
        let mut session = sample::session(n);
        session.phase = sample::ended(noon_plus(at), Outcome::Completed);
        if let (Phase::Ended(ended), true) = (&mut session.phase, archived) {
            ended.archived_at = Some(NOON);
        }
        insert(&store, session.clone()).await;
        for task in 0..n {
            insert(&store, sample::task(1000 * n + task, &session)).await;
        }
    }
    insert(&store, sample::session(6)).await;
    let expired = |n: u64, at| Expired {
        session_id: SessionId(uuid(n)),
        project_id: sample::session(n).project_id,
        completed_at: noon_plus(at),
        version: Version::FIRST,
    };
    assert_eq!(
        store.read(queries::expired(noon_plus(30), 10)).await.unwrap(),
        [expired(2, 10), expired(5, 10), expired(1, 30)]
    );
    assert_eq!(store.read(queries::expired(noon_plus(30), 2)).await.unwrap(), [expired(2, 10), expired(5, 10)]);
    assert_eq!(store.read(queries::expired(noon_plus(9), 10)).await.unwrap(), []);
    assert_eq!(
        store.read(queries::expired_counts(noon_plus(30))).await.unwrap(),
        ExpiredCounts { sessions: 3, tasks: 8 }
    );
    assert_eq!(store.read(queries::expired_counts(Timestamp::MIN)).await.unwrap(), ExpiredCounts::default());
}

async fn events_of_nobody_are_forgotten_by_age(store: Arc<dyn Store>) {
    let session = sample::session(1);
    insert(&store, session.clone()).await;
    let machine = Subject::Machine(sample::machine_id("m"));
    let events = [
        (0, EventKind::SessionCreated, Subject::Session(session.id)),
        (1, EventKind::MachineRegistered, machine.clone()),
        (2, EventKind::SessionDeleted, Subject::Session(SessionId(uuid(9)))),
        (3, EventKind::MachineOffline, machine),
    ]
    .map(|(at, kind, subject)| Event::new(noon_plus(at), kind, subject));
    store.commit(Changes { events: events.into(), ..Changes::default() }).await.unwrap();
    let forget = || Changes { purge_events_before: Some(noon_plus(3)), ..Changes::default() };
    assert_eq!(store.commit(forget()).await.unwrap().purged_events, 2);
    let left = store.events(None, 10).await.unwrap();
    let kinds: Vec<_> = left.iter().map(|recorded| recorded.event.kind).collect();
    assert_eq!(kinds, [EventKind::SessionCreated, EventKind::MachineOffline]);
}

async fn many_events_are_forgotten_a_part_at_a_time(store: Arc<dyn Store>) {
    let machine = Subject::Machine(sample::machine_id("m"));
    let events = (0..EVENT_PURGE_BATCH + 5).map(|_| Event::new(NOON, EventKind::MachineOffline, machine.clone()));
    store.commit(Changes { events: events.collect(), ..Changes::default() }).await.unwrap();
    for expected in [EVENT_PURGE_BATCH, 5, 0] {
        let forget = Changes { purge_events_before: Some(noon_plus(1)), ..Changes::default() };
        assert_eq!(store.commit(forget).await.unwrap().purged_events, expected);
    }
}
