//! A heartbeat refreshes a row in place, forward only, and only where its state allows it.

use std::sync::Arc;

use rekindle_core::domain::session::{LiveState, Phase};
use rekindle_core::store::{FindTyped, SessionHeartbeat, queries};
use rekindle_core::{MachineStatus, Session, SessionId, Store, StoreError, Timestamp, Version, Versioned};

use super::case::{cases, insert};
use crate::sample::{self, NOON, noon_plus, text};

cases![
    a_beat_refreshes_and_answers_the_row,
    a_beat_misses_where_the_state_does_not_allow_it,
    a_beat_goes_forward_only,
    a_beat_demands_the_task_that_it_names,
    a_machine_beats_unless_it_is_offline,
];

pub(super) async fn beat(
    store: &Arc<dyn Store>,
    session: SessionId,
    at: Timestamp,
) -> Result<Versioned<Session>, StoreError> {
    let found = store.record_heartbeat(SessionHeartbeat { session, at, current_task: None }).await?;
    found.ok_or_else(|| StoreError::Unavailable("the beat missed".to_owned()))
}

async fn a_beat_refreshes_and_answers_the_row(store: Arc<dyn Store>) {
    for mut session in sample::sessions_of_every_shape() {
        insert(&store, session.clone()).await;
        let found = store
            .record_heartbeat(SessionHeartbeat { session: session.id, at: noon_plus(9000), current_task: None })
            .await;
        let beats = matches!(&session.phase, Phase::Live(live) if !matches!(live.state, LiveState::Stalled { .. }));
        if beats {
            session.last_heartbeat = noon_plus(9000);
            let expected = Versioned { value: session.clone(), version: Version::FIRST };
            assert_eq!(found.unwrap(), Some(expected.clone()));
            assert_eq!(store.read(queries::session(session.id)).await.unwrap(), Some(expected));
        } else {
            assert_eq!(found.unwrap(), None, "{:?}", session.phase);
            assert_eq!(store.read(queries::session(session.id)).await.unwrap().unwrap().value, session);
        }
    }
}

async fn a_beat_misses_where_the_state_does_not_allow_it(store: Arc<dyn Store>) {
    assert!(beat(&store, SessionId(sample::uuid(1)), NOON).await.is_err());
    assert_eq!(store.record_machine_heartbeat(&sample::machine_id("m1"), NOON).await.unwrap(), None);
}

async fn a_beat_goes_forward_only(store: Arc<dyn Store>) {
    let (session, machine) = (sample::session(1), sample::machine("m1"));
    insert(&store, session.clone()).await;
    insert(&store, machine.clone()).await;
    for (at, shown) in [(10, 10), (5, 10), (-5, 10), (11, 11)] {
        let row = beat(&store, session.id, noon_plus(at)).await.unwrap();
        assert_eq!(row.value.last_heartbeat, noon_plus(shown));
        let row = store.record_machine_heartbeat(&machine.id, noon_plus(at)).await.unwrap().unwrap();
        assert_eq!(row.value.last_heartbeat, noon_plus(shown));
    }
}

async fn a_beat_demands_the_task_that_it_names(store: Arc<dyn Store>) {
    let mut session = sample::session(1);
    let beat = |at, task: &str| SessionHeartbeat {
        session: sample::session(1).id,
        at: noon_plus(at),
        current_task: Some(text(task)),
    };
    insert(&store, session.clone()).await;
    assert_eq!(store.record_heartbeat(beat(1, "t")).await.unwrap(), None);
    let Phase::Live(live) = &mut session.phase else { panic!("it is live") };
    live.current_task = Some(text("t"));
    let mut changes = rekindle_core::store::Changes::default();
    changes.update(session.clone(), Version::FIRST);
    store.commit(changes).await.unwrap();
    assert_eq!(store.record_heartbeat(beat(2, "T")).await.unwrap(), None);
    let row = store.record_heartbeat(beat(3, "t")).await.unwrap().unwrap();
    assert_eq!(row.value.last_heartbeat, noon_plus(3));
}

async fn a_machine_beats_unless_it_is_offline(store: Arc<dyn Store>) {
    for status in MachineStatus::ALL {
        let mut machine = sample::machine(status.as_str());
        machine.status = status;
        insert(&store, machine.clone()).await;
        let found = store.record_machine_heartbeat(&machine.id, noon_plus(1)).await.unwrap();
        if status != MachineStatus::Offline {
            machine.last_heartbeat = noon_plus(1);
            let expected = Versioned { value: machine.clone(), version: Version::FIRST };
            assert_eq!(found, Some(expected));
        } else {
            assert_eq!(found, None);
        }
        assert_eq!(store.read(queries::machine(&machine.id)).await.unwrap().unwrap().value, machine);
    }
}
