//! The rules about sets of sessions, which no use case could keep by looking first.

use std::sync::Arc;

use rekindle_core::domain::session::{LiveState, Outcome};
use rekindle_core::store::{Changes, CommitError, FindTyped, UniqueRule, queries};
use rekindle_core::{Session, SessionId, Slot, Store, Version};

use super::case::{cases, insert};
use crate::sample::{self, NOON, uuid};

cases![
    one_active_session_per_project_and_machine,
    one_live_session_per_slot,
    one_successor_per_session,
    coming_back_to_life_obeys_the_rules,
    a_slot_passes_on_within_one_commit,
    conflict_names_the_holder,
];

async fn taken_by(store: &Arc<dyn Store>, session: Session) -> Option<UniqueRule> {
    let mut changes = Changes::default();
    changes.insert(session);
    match store.commit(changes).await {
        Ok(_) => None,
        Err(CommitError::UniqueViolation(rule)) => Some(rule),
        Err(other) => panic!("expected Taken, got {other:?}"),
    }
}

fn on(n: u64, project: &str, machine: &str, slot: Option<u16>) -> Session {
    let mut session = sample::session(n);
    session.project_id = sample::text(project);
    session.machine_id = sample::text(machine);
    session.docker_slot = slot.map(Slot);
    session
}

async fn one_active_session_per_project_and_machine(store: Arc<dyn Store>) {
    assert_eq!(taken_by(&store, on(1, "p", "m", None)).await, None);
    assert_eq!(taken_by(&store, on(2, "p", "m", None)).await, Some(UniqueRule::ActivePerProjectAndMachine));
    assert_eq!(taken_by(&store, on(3, "p", "n", None)).await, None);
    assert_eq!(taken_by(&store, on(4, "q", "m", None)).await, None);
    for (n, phase) in
        (5..).zip([sample::live(LiveState::Paused), sample::live(LiveState::Stalled { prepared_at: None })])
    {
        let mut session = on(n, "p", "m", None);
        session.phase = phase;
        assert_eq!(taken_by(&store, session).await, None);
    }
}

async fn one_live_session_per_slot(store: Arc<dyn Store>) {
    let taken = Some(UniqueRule::LivePerSlot);
    assert_eq!(taken_by(&store, on(1, "p1", "m", Some(0))).await, None);
    assert_eq!(taken_by(&store, on(2, "p2", "m", Some(0))).await, taken);
    assert_eq!(taken_by(&store, on(3, "p3", "m", Some(1))).await, None);
    assert_eq!(taken_by(&store, on(4, "p4", "n", Some(0))).await, None);
    for (n, state) in (10..).zip([LiveState::Paused, LiveState::Stalled { prepared_at: None }]) {
        let slot = Some(u16::try_from(n).unwrap());
        let mut holder = on(n, &format!("h{n}"), "m", slot);
        holder.phase = sample::live(state);
        assert_eq!(taken_by(&store, holder).await, None);
        assert_eq!(taken_by(&store, on(n + 10, &format!("i{n}"), "m", slot)).await, taken);
    }
    let mut ended = on(30, "p30", "m", Some(0));
    ended.phase = sample::ended(NOON, Outcome::Completed);
    assert_eq!(taken_by(&store, ended).await, None);
}

async fn one_successor_per_session(store: Arc<dyn Store>) {
    let original = SessionId(uuid(99));
    for (n, rule) in [(1, None), (2, Some(UniqueRule::Successor))] {
        let mut successor = sample::session(n);
        successor.lineage.recovered_from = Some(original);
        assert_eq!(taken_by(&store, successor).await, rule);
    }
}

async fn coming_back_to_life_obeys_the_rules(store: Arc<dyn Store>) {
    let mut stalled = on(1, "p", "m", None);
    stalled.phase = sample::live(LiveState::Stalled { prepared_at: None });
    insert(&store, stalled.clone()).await;
    insert(&store, on(2, "p", "m", None)).await;
    stalled.phase = sample::live(LiveState::Active);
    let mut changes = Changes::default();
    changes.update(stalled.clone(), Version::FIRST);
    let outcome = store.commit(changes).await;
    assert!(
        matches!(outcome, Err(CommitError::UniqueViolation(UniqueRule::ActivePerProjectAndMachine))),
        "{outcome:?}"
    );
    let found = store.read(queries::session(stalled.id)).await.unwrap().unwrap();
    assert_eq!(found.value.phase, sample::live(LiveState::Stalled { prepared_at: None }));
}

async fn a_slot_passes_on_within_one_commit(store: Arc<dyn Store>) {
    let mut first = on(1, "p", "m", Some(4));
    insert(&store, first.clone()).await;
    first.phase = sample::ended(NOON, Outcome::Completed);
    let mut changes = Changes::default();
    changes.update(first, Version::FIRST);
    changes.insert(on(2, "p", "m", Some(4)));
    store.commit(changes).await.unwrap();
    assert_eq!(
        store.read(queries::slot_holder(&sample::machine_id("m"), Slot(4))).await.unwrap(),
        Some(SessionId(uuid(2)))
    );
}

async fn conflict_names_the_holder(store: Arc<dyn Store>) {
    let (machine, project) = (sample::machine_id("m"), sample::text("p"));
    let mut paused = on(1, "p", "m", Some(7));
    paused.phase = sample::live(LiveState::Paused);
    insert(&store, paused.clone()).await;
    insert(&store, on(2, "p", "m", None)).await;
    assert_eq!(store.read(queries::active_session(&project, &machine)).await.unwrap(), Some(SessionId(uuid(2))));
    assert_eq!(store.read(queries::slot_holder(&machine, Slot(7))).await.unwrap(), Some(paused.id));
    assert_eq!(store.read(queries::slot_holder(&machine, Slot(8))).await.unwrap(), None);
    assert_eq!(store.read(queries::active_session(&project, &sample::machine_id("n"))).await.unwrap(), None);
}
