//! A store that fails on demand: a store in memory with an injected fault.

use std::sync::Mutex;
use std::time::Duration;

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
use rekindle_testkit::MemoryStore;

/// An injected fault.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Reads of sessions, pings and writes return this error.
    Answers(StoreError),
    /// Reads of sessions panic.
    Panics,
    /// Writes take this long, and then succeed.
    Slow(Duration),
}

/// A store in memory with an injected fault.
#[derive(Debug, Default)]
pub struct FaultyStore {
    inner: MemoryStore,
    fault: Mutex<Option<Fault>>,
}

impl FaultyStore {
    /// Sets the fault, or removes it.
    pub fn set(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }

    async fn strike(&self) -> Result<(), StoreError> {
        let fault = self.fault.lock().unwrap().clone();
        match fault {
            None => Ok(()),
            Some(Fault::Answers(error)) => Err(error),
            Some(Fault::Panics) => panic!("the store panics, as the test wants it"),
            Some(Fault::Slow(span)) => {
                tokio::time::sleep(span).await;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, StoreError> {
        self.strike().await?;
        self.inner.session(id).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<Versioned<Task>>, StoreError> {
        self.inner.task(id).await
    }

    async fn machine(&self, id: &MachineId) -> Result<Option<Versioned<Machine>>, StoreError> {
        self.inner.machine(id).await
    }

    async fn tasks_of(&self, session: SessionId, statuses: &[TaskStatus]) -> Result<Vec<Versioned<Task>>, StoreError> {
        self.inner.tasks_of(session, statuses).await
    }

    async fn active_session(&self, project: &ProjectId, machine: &MachineId) -> Result<Option<SessionId>, StoreError> {
        self.inner.active_session(project, machine).await
    }

    async fn slot_holder(&self, machine: &MachineId, slot: Slot) -> Result<Option<SessionId>, StoreError> {
        self.inner.slot_holder(machine, slot).await
    }

    async fn live_sessions(&self, machines: &[MachineId]) -> Result<Vec<LiveSession>, StoreError> {
        self.inner.live_sessions(machines).await
    }

    async fn sessions(&self, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>, StoreError> {
        self.strike().await?;
        self.inner.sessions(filter, page).await
    }

    async fn tasks(&self, filter: &TaskFilter, page: PageRequest) -> Result<Page<Task>, StoreError> {
        self.inner.tasks(filter, page).await
    }

    async fn machines(&self, filter: &MachineFilter, page: PageRequest) -> Result<Page<Machine>, StoreError> {
        self.inner.machines(filter, page).await
    }

    async fn counts(&self) -> Result<SessionCounts, StoreError> {
        self.inner.counts().await
    }

    async fn stalled_sessions(&self, heard_before: Timestamp, limit: u32) -> Result<StalledSessions, StoreError> {
        self.inner.stalled_sessions(heard_before, limit).await
    }

    async fn overdue_sessions(&self, before: Timestamp, limit: u32) -> Result<Vec<Versioned<Session>>, StoreError> {
        self.inner.overdue_sessions(before, limit).await
    }

    async fn overdue_machines(&self, before: Timestamp, limit: u32) -> Result<Vec<Versioned<Machine>>, StoreError> {
        self.inner.overdue_machines(before, limit).await
    }

    async fn earliest_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.earliest_heartbeat().await
    }

    async fn detector_state(&self) -> Result<Option<DetectorState>, StoreError> {
        self.inner.detector_state().await
    }

    async fn expired(&self, ended_by: Timestamp, limit: u32) -> Result<Vec<Expired>, StoreError> {
        self.inner.expired(ended_by, limit).await
    }

    async fn expired_counts(&self, ended_by: Timestamp) -> Result<ExpiredCounts, StoreError> {
        self.inner.expired_counts(ended_by).await
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        self.inner.events(after, limit).await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.inner.audit_log(filter, before, limit).await
    }

    async fn keys(&self) -> Result<Vec<Versioned<ApiKey>>, StoreError> {
        self.inner.keys().await
    }

    async fn stored_response(
        &self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, StoreError> {
        self.inner.stored_response(key, now).await
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.strike().await?;
        self.inner.commit(changes).await
    }

    async fn record_heartbeat(&self, beat: SessionHeartbeat) -> Result<Option<Versioned<Session>>, StoreError> {
        self.strike().await?;
        self.inner.record_heartbeat(beat).await
    }

    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError> {
        self.inner.record_machine_heartbeat(machine, at).await
    }

    async fn claim(&self, claim: Claim) -> Result<Option<Fence>, StoreError> {
        self.strike().await?;
        self.inner.claim(claim).await
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.strike().await?;
        self.inner.release(fence).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.strike().await?;
        self.inner.ping().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
