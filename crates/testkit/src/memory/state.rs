//! What the store holds: maps of rows.

use std::collections::BTreeMap;
use std::time::Instant;

use rekindle_core::domain::event::Event;
use rekindle_core::store::{DetectorState, IdempotencyKey, LeaseName, StoredResponse};
use rekindle_core::values::KeyId;
use rekindle_core::{ApiKey, Machine, MachineId, Session, SessionId, Task, TaskId, Version, Versioned};
use uuid::Uuid;

#[derive(Debug, Default, Clone)]
pub(super) struct State {
    pub(super) sessions: BTreeMap<SessionId, Row<Session>>,
    pub(super) tasks: BTreeMap<TaskId, Row<Task>>,
    pub(super) machines: BTreeMap<MachineId, Row<Machine>>,
    pub(super) keys: BTreeMap<KeyId, Row<ApiKey>>,
    pub(super) answers: BTreeMap<IdempotencyKey, StoredResponse>,
    pub(super) events: Vec<(u64, Event)>,
    pub(super) watch: Option<DetectorState>,
    pub(super) leases: BTreeMap<LeaseName, Lease>,
    /// Counts every row and event that was ever stored.
    pub(super) sequence: u64,
    pub(super) closed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Row<T> {
    pub(super) value: T,
    pub(super) version: Version,
    pub(super) sequence: u64,
}

impl<T: Clone> Row<T> {
    pub(super) fn versioned(&self) -> Versioned<T> {
        Versioned { value: self.value.clone(), version: self.version }
    }
}

/// A lease, and its holder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    /// None once it was released.
    pub(super) holder: Option<Uuid>,
    pub(super) token: u64,
    pub(super) until: Instant,
}
