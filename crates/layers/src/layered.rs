//! A store with a layer round it.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use rekindle_core::store::{
    AuditFilter, Changes, Claim, CommitError, Committed, EventPosition, Fence, Found, Query, RecordedEvent,
    SessionHeartbeat,
};
use rekindle_core::{Machine, MachineId, Session, Store, StoreError, Timestamp, Versioned};

use crate::operation::Op;
use crate::outcome::Failure;

/// A function round each call of a store, except [`Store::close`].
pub trait Layer: Send + Sync + 'static {
    /// Runs a call by awaiting it once, or refuses it by dropping it. The call does nothing before it is polled.
    fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send;

    /// Runs a read, which may be repeated. By default it is a call like any other.
    fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        self.call(op, attempt())
    }
}

/// The first is outside, the second inside.
impl<A: Layer, B: Layer> Layer for (A, B) {
    async fn call<T: Send, E: Failure>(&self, op: Op, call: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
        self.0.call(op, self.1.call(op, call)).await
    }

    async fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError> {
        let (inner, attempt) = (&self.1, &attempt);
        self.0.read(op, move || inner.read(op, attempt)).await
    }
}

/// The first is outside, the third inside.
impl<A: Layer, B: Layer, C: Layer> Layer for (A, B, C) {
    async fn call<T: Send, E: Failure>(&self, op: Op, call: impl Future<Output = Result<T, E>> + Send) -> Result<T, E> {
        self.0.call(op, self.1.call(op, self.2.call(op, call))).await
    }

    async fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError> {
        let (middle, inner, attempt) = (&self.1, &self.2, &attempt);
        self.0.read(op, move || middle.read(op, move || inner.read(op, attempt))).await
    }
}

/// A layer that others observe as well.
impl<L: Layer> Layer for Arc<L> {
    fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        (**self).call(op, call)
    }

    fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        (**self).read(op, attempt)
    }
}

/// A store with a layer round it.
pub struct Layered<L> {
    layer: L,
    inner: Arc<dyn Store>,
}

impl<L: Layer> Layered<L> {
    /// Returns the store with the layer round it.
    pub fn new(layer: L, inner: Arc<dyn Store>) -> Self {
        Self { layer, inner }
    }
}

#[async_trait]
impl<L: Layer> Store for Layered<L> {
    async fn find(&self, query: &Query) -> Result<Found, StoreError> {
        self.layer.read(Op::query(query.name()), || self.inner.find(query)).await
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        self.layer.read(Op::EVENTS, || self.inner.events(after, limit)).await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.layer.read(Op::AUDIT_LOG, || self.inner.audit_log(filter, before, limit)).await
    }

    // The writes are calls in a block, so that one that is refused does no work.

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.layer.call(Op::COMMIT, async move { self.inner.commit(changes).await }).await
    }

    async fn record_heartbeat(&self, beat: SessionHeartbeat) -> Result<Option<Versioned<Session>>, StoreError> {
        self.layer.call(Op::BEAT, async move { self.inner.record_heartbeat(beat).await }).await
    }

    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError> {
        self.layer.call(Op::BEAT_MACHINE, async move { self.inner.record_machine_heartbeat(machine, at).await }).await
    }

    async fn claim(&self, claim: Claim) -> Result<Option<Fence>, StoreError> {
        self.layer.call(Op::CLAIM, async move { self.inner.claim(claim).await }).await
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.layer.call(Op::RELEASE, async move { self.inner.release(fence).await }).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.layer.call(Op::PING, async move { self.inner.ping().await }).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests;
