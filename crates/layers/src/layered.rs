//! A store with a layer round it: the one place where every method of the port is written out.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use rekindle_core::store::{
    AuditFilter, Changes, Claim, CommitError, Committed, DetectorState, EventPosition, Expired, ExpiredCounts, Fence,
    IdempotencyKey, LiveSession, MachineFilter, Page, PageRequest, RecordedEvent, SessionCounts, SessionFilter,
    SessionHeartbeat, StalledSessions, StoredResponse, TaskFilter,
};
use rekindle_core::{
    ApiKey, Machine, MachineId, ProjectId, Session, SessionId, Slot, Store, StoreError, Task, TaskId, TaskStatus,
    Timestamp, Versioned,
};

use crate::operation::Op;
use crate::outcome::Failure;

/// What happens round each call of a store. `close` goes past it.
pub trait Layer: Send + Sync + 'static {
    /// Carries out a call, by awaiting `asked` once; or does not, by dropping it. Nothing was asked of the store before
    /// `asked` is polled.
    fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        asked: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send;

    /// Carries out a read, which may be asked more than once. Usually a call as any other.
    fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        ask: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        self.call(op, ask())
    }
}

/// The first outside, the second inside.
impl<A: Layer, B: Layer> Layer for (A, B) {
    async fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        asked: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.0.call(op, self.1.call(op, asked)).await
    }

    async fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError> {
        let (inner, ask) = (&self.1, &ask);
        self.0.read(op, move || inner.read(op, ask)).await
    }
}

/// The first outside, the third inside.
impl<A: Layer, B: Layer, C: Layer> Layer for (A, B, C) {
    async fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        asked: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.0.call(op, self.1.call(op, self.2.call(op, asked))).await
    }

    async fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<T, StoreError> {
        let (middle, inner, ask) = (&self.1, &self.2, &ask);
        self.0.read(op, move || middle.read(op, move || inner.read(op, ask))).await
    }
}

/// A layer that somebody else looks at, too.
impl<L: Layer> Layer for Arc<L> {
    fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        asked: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send {
        (**self).call(op, asked)
    }

    fn read<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        op: Op,
        ask: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        (**self).read(op, ask)
    }
}

/// A store with a layer round it.
pub struct Layered<L> {
    layer: L,
    inner: Arc<dyn Store>,
}

impl<L: Layer> Layered<L> {
    /// This layer round this store.
    pub fn new(layer: L, inner: Arc<dyn Store>) -> Self {
        Self { layer, inner }
    }
}

macro_rules! layered {
    (
        reads { $($read:ident $read_name:ident($($read_arg:ident: $read_type:ty),*) -> $read_answer:ty;)+ }
        others { $($op:ident $name:ident($($arg:ident: $type:ty),*) -> $answer:ty, $error:ty;)+ }
    ) => {
        #[async_trait]
        impl<L: Layer> Store for Layered<L> {
            $(
                async fn $read_name(&self, $($read_arg: $read_type),*) -> Result<$read_answer, StoreError> {
                    self.layer.read(Op::$read, || self.inner.$read_name($($read_arg),*)).await
                }
            )+

            $(
                async fn $name(&self, $($arg: $type),*) -> Result<$answer, $error> {
                    // In a block, so that a call that is refused costs nothing.
                    self.layer.call(Op::$op, async move { self.inner.$name($($arg),*).await }).await
                }
            )+

            async fn close(&self) {
                self.inner.close().await;
            }
        }
    };
}

layered! {
    reads {
        Session session(id: SessionId) -> Option<Versioned<Session>>;
        Task task(id: TaskId) -> Option<Versioned<Task>>;
        Machine machine(id: &MachineId) -> Option<Versioned<Machine>>;
        TasksOf tasks_of(session: SessionId, statuses: &[TaskStatus]) -> Vec<Versioned<Task>>;
        ActiveSession active_session(project: &ProjectId, machine: &MachineId) -> Option<SessionId>;
        SlotHolder slot_holder(machine: &MachineId, slot: Slot) -> Option<SessionId>;
        LiveSessions live_sessions(machines: &[MachineId]) -> Vec<LiveSession>;
        Sessions sessions(filter: &SessionFilter, page: PageRequest) -> Page<Session>;
        Tasks tasks(filter: &TaskFilter, page: PageRequest) -> Page<Task>;
        Machines machines(filter: &MachineFilter, page: PageRequest) -> Page<Machine>;
        Counts counts() -> SessionCounts;
        SilentSessions stalled_sessions(heard_before: Timestamp, limit: u32) -> StalledSessions;
        OverdueSessions overdue_sessions(heard_before: Timestamp, limit: u32) -> Vec<Versioned<Session>>;
        OverdueMachines overdue_machines(heard_before: Timestamp, limit: u32) -> Vec<Versioned<Machine>>;
        EarliestHeartbeat earliest_heartbeat() -> Option<Timestamp>;
        Watch detector_state() -> Option<DetectorState>;
        Expired expired(ended_by: Timestamp, limit: u32) -> Vec<Expired>;
        ExpiredCounts expired_counts(ended_by: Timestamp) -> ExpiredCounts;
        Events events(after: Option<&EventPosition>, limit: u32) -> Vec<RecordedEvent>;
        Trail audit_log(filter: &AuditFilter, before: Option<&EventPosition>, limit: u32) -> Vec<RecordedEvent>;
        Keys keys() -> Vec<Versioned<ApiKey>>;
        Remembered stored_response(key: &IdempotencyKey, now: Timestamp) -> Option<StoredResponse>;
    }
    others {
        Commit commit(changes: Changes) -> Committed, CommitError;
        Beat record_heartbeat(beat: SessionHeartbeat) -> Option<Versioned<Session>>, StoreError;
        BeatMachine record_machine_heartbeat(machine: &MachineId, at: Timestamp) -> Option<Versioned<Machine>>, StoreError;
        Claim claim(claim: Claim) -> Option<Fence>, StoreError;
        Release release(fence: Fence) -> (), StoreError;
        Ping ping() -> (), StoreError;
    }
}

#[cfg(test)]
mod tests;
