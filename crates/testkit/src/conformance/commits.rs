//! A commit happens as a whole or not at all, and only on what it expected.

use std::sync::Arc;

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{Changes, Expect, FindTyped, Write, queries};
use rekindle_core::{Machine, Session, Store, Task, Version};

use super::case::{assert_stale, cases, commit, insert};
use crate::sample::{self, NOON, noon_plus};

cases![
    absent_means_absent,
    a_put_raises_the_revision,
    an_old_revision_is_stale,
    a_put_of_what_is_not_there_is_stale,
    touches_do_not_disturb_each_other,
    a_touch_disturbs_a_put,
    a_put_disturbs_a_touch,
    a_touch_of_what_is_not_there_is_stale,
    all_or_none,
    several_writes_to_one_row,
    quiet_wins_when_nothing_was_heard,
    a_beat_in_between_wins_over_quiet,
    a_put_keeps_the_later_heartbeat,
    deleting_a_session_takes_what_is_its_own,
    deleting_demands_the_version,
];

async fn absent_means_absent(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    let task = sample::task(2, &session);
    let writes = || -> [Write; 3] {
        [
            Write::put(session.clone(), Expect::Absent),
            Write::put(task.clone(), Expect::Absent),
            Write::put(machine.clone(), Expect::Absent),
        ]
    };
    commit(&store, writes().into()).await.unwrap();
    for write in writes() {
        assert_stale(&commit(&store, vec![write]).await);
    }
}

async fn a_put_raises_the_revision(store: Arc<dyn Store>) {
    let (mut session, mut machine) = (sample::session(1), sample::machine("m1"));
    let mut task = sample::task(2, &session);
    let mut changes = Changes::default();
    changes.insert(session.clone());
    changes.insert(task.clone());
    changes.insert(machine.clone());
    store.commit(changes).await.unwrap();
    session.updated_at = noon_plus(1);
    task.updated_at = noon_plus(1);
    machine.updated_at = noon_plus(1);
    let mut changes = Changes::default();
    changes.update(session.clone(), Version::FIRST);
    changes.update(task.clone(), Version::FIRST);
    changes.update(machine.clone(), Version::FIRST);
    store.commit(changes).await.unwrap();
    let second = Version { revision: 2, touches: 0 };
    assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().version, second);
    assert_eq!(store.read(queries::task(task.id)).await.unwrap().unwrap().version, second);
    let found = store.read(queries::machine(&machine.id)).await.unwrap().unwrap();
    assert_eq!((found.version, found.value), (second, machine));
}

async fn an_old_revision_is_stale(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    let task = sample::task(2, &session);
    let old = Version { revision: 7, touches: 0 };
    let mut changes = Changes::default();
    changes.insert(session.clone());
    changes.insert(task.clone());
    changes.insert(machine.clone());
    store.commit(changes).await.unwrap();
    let at = Expect::At(old);
    assert_stale(&commit(&store, vec![Write::put(session, at)]).await);
    assert_stale(&commit(&store, vec![Write::put(task, at)]).await);
    assert_stale(&commit(&store, vec![Write::put(machine, at)]).await);
}

async fn a_put_of_what_is_not_there_is_stale(store: Arc<dyn Store>) {
    let session = sample::session(1);
    let at = Expect::At(Version::FIRST);
    assert_stale(&commit(&store, vec![Write::put(sample::task(2, &session), at)]).await);
    assert_stale(&commit(&store, vec![Write::put(sample::machine("m1"), at)]).await);
    assert_stale(&commit(&store, vec![Write::put(session, at)]).await);
}

async fn touches_do_not_disturb_each_other(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    insert(&store, session.clone()).await;
    insert(&store, machine.clone()).await;
    for _ in 0..3 {
        // Each was decided on revision 1.
        let touches = vec![Write::touch::<Session>(session.id, 1), Write::touch::<Machine>(machine.id.clone(), 1)];
        commit(&store, touches).await.unwrap();
    }
    let touched = Version { revision: 1, touches: 3 };
    assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().version, touched);
    assert_eq!(store.read(queries::machine(&machine.id)).await.unwrap().unwrap().version, touched);
}

async fn a_touch_disturbs_a_put(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    insert(&store, session.clone()).await;
    insert(&store, machine.clone()).await;
    let touches = vec![Write::touch::<Session>(session.id, 1), Write::touch::<Machine>(machine.id.clone(), 1)];
    commit(&store, touches).await.unwrap();
    let at = Expect::At(Version::FIRST);
    assert_stale(&commit(&store, vec![Write::put(session.clone(), at)]).await);
    assert_stale(&commit(&store, vec![Write::put(machine.clone(), at)]).await);
    let now = Expect::At(Version { revision: 1, touches: 1 });
    commit(&store, vec![Write::put(session.clone(), now)]).await.unwrap();
    let version = store.read(queries::session(session.id)).await.unwrap().unwrap().version;
    assert_eq!(version, Version { revision: 2, touches: 1 });
}

async fn a_put_disturbs_a_touch(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    insert(&store, session.clone()).await;
    insert(&store, machine.clone()).await;
    let mut changes = Changes::default();
    changes.update(session.clone(), Version::FIRST);
    changes.update(machine.clone(), Version::FIRST);
    store.commit(changes).await.unwrap();
    assert_stale(&commit(&store, vec![Write::touch::<Session>(session.id, 1)]).await);
    assert_stale(&commit(&store, vec![Write::touch::<Machine>(machine.id, 1)]).await);
}

async fn a_touch_of_what_is_not_there_is_stale(store: Arc<dyn Store>) {
    assert_stale(&commit(&store, vec![Write::touch::<Session>(sample::session(1).id, 1)]).await);
    assert_stale(&commit(&store, vec![Write::touch::<Machine>(sample::machine_id("m1"), 1)]).await);
}

async fn all_or_none(store: Arc<dyn Store>) {
    let (kept, never) = (sample::session(1), sample::session(2));
    insert(&store, kept.clone()).await;
    let mut ended = kept.clone();
    ended.phase = sample::ended(NOON, rekindle_core::domain::session::Outcome::Completed);
    let mut changes = Changes::default();
    changes.insert(never.clone());
    changes.insert(sample::task(3, &never));
    changes.insert(sample::machine("m9"));
    changes.update(ended, Version::FIRST);
    changes.writes.push(Write::touch::<Session>(kept.id, 99));
    changes.events.push(Event::new(NOON, EventKind::SessionCreated, Subject::Session(never.id)));
    assert_stale(&store.commit(changes).await);
    assert_eq!(store.read(queries::session(never.id)).await.unwrap(), None);
    assert_eq!(store.read(queries::task(sample::task(3, &never).id)).await.unwrap(), None);
    assert_eq!(store.read(queries::machine(&sample::machine_id("m9"))).await.unwrap(), None);
    assert_eq!(store.read(queries::session(kept.id)).await.unwrap().unwrap().value, kept);
    assert!(store.events(None, 10).await.unwrap().is_empty());
    assert_eq!(store.read(queries::counts()).await.unwrap().total(), 1);
}

async fn several_writes_to_one_row(store: Arc<dyn Store>) {
    let session = sample::session(1);
    let mut changes = Changes::default();
    changes.insert(session.clone());
    changes.writes.push(Write::touch::<Session>(session.id, 1));
    changes.update(session.clone(), Version { revision: 1, touches: 1 });
    store.commit(changes).await.unwrap();
    let version = store.read(queries::session(session.id)).await.unwrap().unwrap().version;
    assert_eq!(version, Version { revision: 2, touches: 1 });
}

async fn quiet_wins_when_nothing_was_heard(store: Arc<dyn Store>) {
    let (mut session, mut machine) = (sample::session(1), sample::machine("m1"));
    insert(&store, session.clone()).await;
    insert(&store, machine.clone()).await;
    let quiet = Expect::NoHeartbeatSince { at: Version::FIRST, since: NOON };
    session.phase = sample::live(rekindle_core::domain::session::LiveState::Stalled { prepared_at: None });
    machine.status = rekindle_core::MachineStatus::Offline;
    let put = Write::put(session.clone(), quiet);
    commit(&store, vec![put, Write::put(machine.clone(), quiet)]).await.unwrap();
    assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().value, session);
    assert_eq!(store.read(queries::machine(&machine.id)).await.unwrap().unwrap().value, machine);
}

async fn a_beat_in_between_wins_over_quiet(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    insert(&store, session.clone()).await;
    insert(&store, machine.clone()).await;
    super::heartbeats::beat(&store, session.id, noon_plus(1)).await.unwrap();
    store.record_machine_heartbeat(&machine.id, noon_plus(1)).await.unwrap().unwrap();
    let quiet = Expect::NoHeartbeatSince { at: Version::FIRST, since: NOON };
    assert_stale(&commit(&store, vec![Write::put(session, quiet)]).await);
    assert_stale(&commit(&store, vec![Write::put(machine, quiet)]).await);
}

async fn a_put_keeps_the_later_heartbeat(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    insert(&store, session.clone()).await;
    insert(&store, machine.clone()).await;
    super::heartbeats::beat(&store, session.id, noon_plus(50)).await.unwrap();
    store.record_machine_heartbeat(&machine.id, noon_plus(50)).await.unwrap().unwrap();
    // Both puts were decided before the beats; neither may take them back.
    let mut changes = Changes::default();
    changes.update(session.clone(), Version::FIRST);
    changes.update(machine.clone(), Version::FIRST);
    store.commit(changes).await.unwrap();
    assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().value.last_heartbeat, noon_plus(50));
    assert_eq!(store.read(queries::machine(&machine.id)).await.unwrap().unwrap().value.last_heartbeat, noon_plus(50));
}

async fn deleting_a_session_takes_what_is_its_own(store: Arc<dyn Store>) {
    let (gone, stays) = (sample::session(1), sample::session(2));
    let mut changes = Changes::default();
    for session in [&gone, &stays] {
        changes.insert(session.clone());
        changes.events.push(Event::new(NOON, EventKind::SessionCreated, Subject::Session(session.id)));
    }
    for n in 10..13 {
        let task = sample::task(n, &gone);
        changes.events.push(Event::new(NOON, EventKind::TaskCreated, Subject::Task(task.id, gone.id)));
        changes.insert(task);
    }
    let other = sample::task(20, &stays);
    changes.insert(other.clone());
    store.commit(changes).await.unwrap();

    let mut changes = Changes::default();
    changes.writes.push(Write::delete::<Session>(gone.id, Version::FIRST));
    changes.events.push(Event::new(NOON, EventKind::SessionDeleted, Subject::Session(gone.id)));
    assert_eq!(store.commit(changes).await.unwrap().deleted_tasks, 3);
    assert_eq!(store.read(queries::session(gone.id)).await.unwrap(), None);
    assert_eq!(store.read(queries::task(sample::task(10, &gone).id)).await.unwrap(), None);
    assert!(store.read(queries::session(stays.id)).await.unwrap().is_some());
    assert!(store.read(queries::task(other.id)).await.unwrap().is_some());
    let left: Vec<_> = store.events(None, 10).await.unwrap().into_iter().map(|recorded| recorded.event).collect();
    let kinds: Vec<_> = left.iter().map(|event| (event.kind, event.subject.clone())).collect();
    let expected = [
        (EventKind::SessionCreated, Subject::Session(stays.id)),
        (EventKind::SessionDeleted, Subject::Session(gone.id)),
    ];
    assert_eq!(kinds, expected);
}

async fn deleting_demands_the_version(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    let task = sample::task(2, &session);
    let mut changes = Changes::default();
    changes.insert(session.clone());
    changes.insert(task.clone());
    changes.insert(machine.clone());
    changes.writes.push(Write::touch::<Session>(session.id, 1));
    changes.writes.push(Write::touch::<Machine>(machine.id.clone(), 1));
    store.commit(changes).await.unwrap();
    let old = Version { revision: 2, touches: 0 };
    for version in [Version::FIRST, old] {
        assert_stale(&commit(&store, vec![Write::delete::<Session>(session.id, version)]).await);
        assert_stale(&commit(&store, vec![Write::delete::<Machine>(machine.id.clone(), version)]).await);
    }
    assert_stale(&commit(&store, vec![Write::delete::<Task>(task.id, old)]).await);
    commit(&store, vec![Write::delete::<Task>(task.id, Version::FIRST)]).await.unwrap();
    let touched = Version { revision: 1, touches: 1 };
    commit(&store, vec![Write::delete::<Machine>(machine.id.clone(), touched)]).await.unwrap();
    commit(&store, vec![Write::delete::<Session>(session.id, touched)]).await.unwrap();
    assert_eq!(store.read(queries::task(task.id)).await.unwrap(), None);
    assert_eq!(store.read(queries::machine(&machine.id)).await.unwrap(), None);
}
