//! Every method of the port goes through the layer under its own name, reads as reads, and reaches the store.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rekindle_core::store::{
    AuditFilter, Changes, Claim, Fence, IdempotencyKey, LeaseName, MachineFilter, PageRequest, SessionFilter,
    SessionHeartbeat, Start, TaskFilter,
};
use rekindle_core::{Slot, Store, StoreError, Timestamp};
use rekindle_testkit::{ManualClock, MemoryStore, sample};

use super::{Layer, Layered};
use crate::{Failure, Kind, Op, resilient};

/// Writes down what goes through, and what of it as a read.
#[derive(Default)]
struct Seen {
    calls: Mutex<Vec<Op>>,
    reads: Mutex<Vec<Op>>,
}

impl Layer for Seen {
    async fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        asked: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.calls.lock().unwrap().push(op);
        asked.await
    }

    async fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError> {
        self.reads.lock().unwrap().push(op);
        self.call(op, ask()).await
    }
}

/// Asks everything once, in the order of the port.
async fn ask_everything(store: &dyn Store) -> Result<(), StoreError> {
    let (session, task) = (sample::session(1), sample::task(2, &sample::session(1)));
    let (machine, now) = (session.machine_id.clone(), Timestamp::from_millis(0));
    let page = PageRequest { limit: 1, start: Start::Offset(0) };
    store.session(session.id).await?;
    store.task(task.id).await?;
    store.machine(&machine).await?;
    store.tasks_of(session.id, &[]).await?;
    store.active_session(&session.project_id, &machine).await?;
    store.slot_holder(&machine, Slot(1)).await?;
    store.live_sessions(std::slice::from_ref(&machine)).await?;
    store.sessions(&SessionFilter::default(), page).await?;
    store.tasks(&TaskFilter::default(), page).await?;
    store.machines(&MachineFilter::default(), page).await?;
    store.counts().await?;
    store.stalled_sessions(now, 1).await?;
    store.overdue_sessions(now, 1).await?;
    store.overdue_machines(now, 1).await?;
    store.earliest_heartbeat().await?;
    store.detector_state().await?;
    store.expired(now, 1).await?;
    store.expired_counts(now).await?;
    store.events(None, 1).await?;
    store.audit_log(&AuditFilter::default(), None, 1).await?;
    store.keys().await?;
    store.stored_response(&IdempotencyKey([0; 32]), now).await?;
    store.commit(Changes::default()).await.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    store.record_heartbeat(SessionHeartbeat { session: session.id, at: now, current_task: None }).await?;
    store.record_machine_heartbeat(&machine, now).await?;
    let claim = Claim { duty: LeaseName::Detection, holder: session.id.0, ttl: Duration::from_secs(1) };
    store.claim(claim).await?;
    store.release(Fence { duty: LeaseName::Detection, token: 1 }).await?;
    store.ping().await
}

fn reads() -> Vec<Op> {
    Op::ALL.iter().copied().filter(|op| op.kind() == Kind::Read).collect()
}

#[tokio::test]
async fn every_method_goes_through_under_its_name() {
    let seen = Arc::new(Seen::default());
    let store = Layered::new(Arc::clone(&seen), Arc::new(MemoryStore::new()));
    ask_everything(&store).await.unwrap();
    assert_eq!(*seen.calls.lock().unwrap(), Op::ALL);
    assert_eq!(*seen.reads.lock().unwrap(), reads());
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))), "close goes past it, to the store");
}

#[tokio::test]
async fn layers_are_gone_through_from_outside_inwards() {
    let (outer, middle, inner) = (Arc::new(Seen::default()), Arc::new(Seen::default()), Arc::new(Seen::default()));
    let layers = (Arc::clone(&outer), (Arc::clone(&middle), Arc::clone(&inner)));
    let store = Layered::new(layers, Arc::new(MemoryStore::new()));
    ask_everything(&store).await.unwrap();
    for seen in [outer, middle, inner] {
        assert_eq!(*seen.calls.lock().unwrap(), Op::ALL);
        assert_eq!(*seen.reads.lock().unwrap(), reads());
    }
}

#[tokio::test]
async fn the_usual_three_let_everything_through() {
    let (store, circuit) = resilient(Arc::new(MemoryStore::new()), Arc::new(ManualClock::default()), ());
    ask_everything(store.as_ref()).await.unwrap();
    assert!(circuit.is_closed());
}
