//! Every method of the port goes through the layer under its own name, reads as reads, and reaches the store.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rekindle_core::store::{AuditFilter, Changes, Claim, Fence, LeaseName, Query, SessionHeartbeat};
use rekindle_core::{Store, StoreError, Timestamp};
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
    async fn call<T: Send, E: Failure>(&self, op: Op, call: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
        self.calls.lock().unwrap().push(op);
        call.await
    }

    async fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError> {
        self.reads.lock().unwrap().push(op);
        self.call(op, attempt()).await
    }
}

/// Calls everything once, in the order of [`Op::all`] as far as that goes.
async fn call_everything(store: &dyn Store) -> Result<(), StoreError> {
    let (session, now) = (sample::session(1), Timestamp::from_millis(0));
    for name in rekindle_core::store::queries::NAMES {
        store.find(&Query::new(name, Vec::new(), Vec::new())).await?;
    }
    store.events(None, 1).await?;
    store.audit_log(&AuditFilter::default(), None, 1).await?;
    store.commit(Changes::default()).await.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    store.record_heartbeat(SessionHeartbeat { session: session.id, at: now, current_task: None }).await?;
    store.record_machine_heartbeat(&session.machine_id, now).await?;
    let claim = Claim { lease: LeaseName::Detection, holder: session.id.0, ttl: Duration::from_secs(1) };
    store.claim(claim).await?;
    store.release(Fence { lease: LeaseName::Detection, token: 1 }).await?;
    store.ping().await
}

fn all() -> Vec<Op> {
    Op::all().collect()
}

fn reads() -> Vec<Op> {
    Op::all().filter(|op| op.kind() == Kind::Read).collect()
}

#[tokio::test]
async fn every_method_goes_through_under_its_name() {
    let seen = Arc::new(Seen::default());
    let store = Layered::new(Arc::clone(&seen), Arc::new(MemoryStore::new()));
    call_everything(&store).await.unwrap();
    assert_eq!(*seen.calls.lock().unwrap(), all());
    assert_eq!(*seen.reads.lock().unwrap(), reads());
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))), "close goes past it, to the store");
}

#[tokio::test]
async fn layers_are_gone_through_from_outside_inwards() {
    let (outer, middle, inner) = (Arc::new(Seen::default()), Arc::new(Seen::default()), Arc::new(Seen::default()));
    let layers = (Arc::clone(&outer), (Arc::clone(&middle), Arc::clone(&inner)));
    let store = Layered::new(layers, Arc::new(MemoryStore::new()));
    call_everything(&store).await.unwrap();
    for seen in [outer, middle, inner] {
        assert_eq!(*seen.calls.lock().unwrap(), all());
        assert_eq!(*seen.reads.lock().unwrap(), reads());
    }
}

#[tokio::test]
async fn the_usual_three_let_everything_through() {
    let (store, circuit) = resilient(Arc::new(MemoryStore::new()), Arc::new(ManualClock::default()), ());
    call_everything(store.as_ref()).await.unwrap();
    assert!(circuit.is_closed());
}
