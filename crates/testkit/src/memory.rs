//! The port's meaning in the plainest code: maps behind one lock, every commit on a copy that takes the place of the
//! original when all went well. For tests only.

mod lease;
mod read;
mod state;
mod write;

use std::sync::Mutex;

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

use self::state::{Row, State};

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn read<T>(&self, question: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        let state = self.state.lock().unwrap();
        if state.closed {
            return Err(StoreError::Unavailable("the store is closed".to_owned()));
        }
        Ok(question(&state))
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, StoreError> {
        self.read(|state| state.sessions.get(&id).map(Row::versioned))
    }

    async fn task(&self, id: TaskId) -> Result<Option<Versioned<Task>>, StoreError> {
        self.read(|state| state.tasks.get(&id).map(Row::versioned))
    }

    async fn machine(&self, id: &MachineId) -> Result<Option<Versioned<Machine>>, StoreError> {
        self.read(|state| state.machines.get(id).map(Row::versioned))
    }

    async fn tasks_of(&self, session: SessionId, statuses: &[TaskStatus]) -> Result<Vec<Versioned<Task>>, StoreError> {
        self.read(|state| state.tasks_of(session, statuses))
    }

    async fn active_session(&self, project: &ProjectId, machine: &MachineId) -> Result<Option<SessionId>, StoreError> {
        self.read(|state| state.active_session(project, machine))
    }

    async fn slot_holder(&self, machine: &MachineId, slot: Slot) -> Result<Option<SessionId>, StoreError> {
        self.read(|state| state.slot_holder(machine, slot))
    }

    async fn live_sessions(&self, machines: &[MachineId]) -> Result<Vec<LiveSession>, StoreError> {
        self.read(|state| state.live_sessions(machines))
    }

    async fn sessions(&self, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>, StoreError> {
        self.read(|state| state.list_sessions(filter, page))
    }

    async fn tasks(&self, filter: &TaskFilter, page: PageRequest) -> Result<Page<Task>, StoreError> {
        self.read(|state| state.list_tasks(filter, page))
    }

    async fn machines(&self, filter: &MachineFilter, page: PageRequest) -> Result<Page<Machine>, StoreError> {
        self.read(|state| state.list_machines(filter, page))
    }

    async fn counts(&self) -> Result<SessionCounts, StoreError> {
        self.read(State::counts)
    }

    async fn stalled_sessions(&self, heard_before: Timestamp, limit: u32) -> Result<StalledSessions, StoreError> {
        self.read(|state| state.silent_sessions(heard_before, limit))
    }

    async fn overdue_sessions(
        &self,
        heard_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Versioned<Session>>, StoreError> {
        self.read(|state| state.overdue_sessions(heard_before, limit))
    }

    async fn overdue_machines(
        &self,
        heard_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Versioned<Machine>>, StoreError> {
        self.read(|state| state.overdue_machines(heard_before, limit))
    }

    async fn earliest_heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(State::earliest_heartbeat)
    }

    async fn detector_state(&self) -> Result<Option<DetectorState>, StoreError> {
        self.read(|state| state.watch)
    }

    async fn expired(&self, ended_by: Timestamp, limit: u32) -> Result<Vec<Expired>, StoreError> {
        self.read(|state| state.expired(ended_by).into_iter().take(limit as usize).collect())
    }

    async fn expired_counts(&self, ended_by: Timestamp) -> Result<ExpiredCounts, StoreError> {
        self.read(|state| state.expired_counts(ended_by))
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        let after = after.map_or(Ok(0), number)?;
        self.read(|state| state.events_after(after, limit))
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let before = before.map_or(Ok(u64::MAX), number)?;
        self.read(|state| state.trail(filter, before, limit))
    }

    async fn keys(&self) -> Result<Vec<Versioned<ApiKey>>, StoreError> {
        self.read(State::keys)
    }

    async fn stored_response(
        &self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, StoreError> {
        self.read(|state| state.answers.get(key).filter(|answer| answer.until > now).cloned())
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        let mut state = self.state.lock().unwrap();
        if state.closed {
            return Err(StoreError::Unavailable("the store is closed".to_owned()).into());
        }
        let mut next = state.clone();
        let committed = next.apply(changes)?;
        *state = next;
        Ok(committed)
    }

    async fn record_heartbeat(&self, beat: SessionHeartbeat) -> Result<Option<Versioned<Session>>, StoreError> {
        self.read(|_| ())?;
        Ok(self.state.lock().unwrap().beat(&beat))
    }

    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError> {
        self.read(|_| ())?;
        Ok(self.state.lock().unwrap().beat_machine(machine, at))
    }

    async fn claim(&self, claim: Claim) -> Result<Option<Fence>, StoreError> {
        self.read(|_| ())?;
        Ok(self.state.lock().unwrap().claim(claim))
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.read(|_| ())?;
        self.state.lock().unwrap().release(fence);
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|_| ())
    }

    async fn close(&self) {
        self.state.lock().unwrap().closed = true;
    }
}

/// What a position of this store says.
fn number(position: &EventPosition) -> Result<u64, StoreError> {
    position.0.parse().map_err(|_| StoreError::Corrupt("that is no position of this store".to_owned()))
}
