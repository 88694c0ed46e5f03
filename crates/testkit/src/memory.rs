//! The meaning of the port in the plainest code: one map behind a lock, and each commit on a copy, which replaces the
//! original when the whole commit succeeded. For tests only.

mod lease;
mod read;
mod record;
mod state;
mod write;

use std::sync::Mutex;

use async_trait::async_trait;
use rekindle_core::store::{
    AuditFilter, Changes, Claim, CommitError, Committed, EventPosition, Fence, Found, Query, RecordedEvent,
    SessionHeartbeat,
};
use rekindle_core::{Machine, MachineId, Session, Store, StoreError, Timestamp, Versioned};
use rekindle_records::Extension;

use self::state::State;

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty store that holds entities of another crate as well.
    pub fn extended_by(extension: Extension) -> Self {
        Self { state: Mutex::new(State::with(extension)) }
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let state = self.state.lock().unwrap();
        state.ensure_open()?;
        read(&state)
    }

    fn write<T, E: From<StoreError>>(&self, write: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let mut state = self.state.lock().unwrap();
        state.ensure_open()?;
        let mut next = state.clone();
        let answer = write(&mut next)?;
        *state = next;
        Ok(answer)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn find(&self, query: &Query) -> Result<Found, StoreError> {
        self.read(|state| state.find(query))
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        let after = after.map_or(Ok(0), number)?;
        self.read(|state| Ok(state.events_after(after, limit)))
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let before = before.map_or(Ok(u64::MAX), number)?;
        self.read(|state| Ok(state.audit_log(filter, before, limit)))
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.write(|state| state.apply(changes))
    }

    async fn record_heartbeat(&self, beat: SessionHeartbeat) -> Result<Option<Versioned<Session>>, StoreError> {
        self.write(|state| state.record_heartbeat(&beat))
    }

    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError> {
        self.write(|state| state.record_machine_heartbeat(machine, at))
    }

    async fn claim(&self, claim: Claim) -> Result<Option<Fence>, StoreError> {
        self.write(|state| Ok(state.claim(claim)))
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.write(|state| {
            state.release(fence);
            Ok(())
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|_| Ok(()))
    }

    async fn close(&self) {
        self.state.lock().unwrap().closed = true;
    }
}

/// Returns the number in a position of this store.
fn number(position: &EventPosition) -> Result<u64, StoreError> {
    position.0.parse().map_err(|_| StoreError::Corrupt("that is no position of this store".to_owned()))
}
