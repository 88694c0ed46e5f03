//! The port that a database implements. A store knows rows and versions and **no rule of the domain**: it reads, it
//! applies [`Changes`] as a whole or not at all, and it refreshes a heartbeat in place.
//!
//! Three rules make a use case correct on a store that only serializes writes to the same row:
//! 1. A commit puts or touches every row that it was decided on. A put raises the row's revision; a
//!    [`Write::TouchSession`] or [`Write::TouchMachine`] raises its touch count. A put expects both to be as they were
//!    read, a touch only the revision: two touches do not conflict with each other, and each conflicts with a put.
//! 2. A put keeps the later of the stored `last_heartbeat` and its own, and a decision about silence carries
//!    [`Expect::NoHeartbeatSince`]: a heartbeat that arrives in between always wins.
//! 3. Rules about sets of rows are unique indexes: see [`UniqueRule`].

mod batch_observer;
mod changes;
mod lease;
mod query;
mod stored_response;

use async_trait::async_trait;
pub use batch_observer::{BatchObserver, BatchObserverHandle};
pub use changes::{
    Changes, CommitError, Committed, DetectorState, DetectorStateUpdate, EVENT_PURGE_BATCH, Expect, Put, StoreError,
    StoredEntity, UniqueRule, Version, Versioned, Write,
};
pub use lease::{Claim, Fence, LeaseName};
pub use query::{
    AuditFilter, Cursor, EventPosition, Expired, ExpiredCounts, LiveSession, MachineFilter, Page, PageRequest,
    RecordedEvent, SessionCounts, SessionFilter, StalledSessions, Start, TaskFilter,
};
pub use stored_response::{IdempotencyKey, StoredResponse};

use crate::domain::api_key::ApiKey;
use crate::domain::machine::Machine;
use crate::domain::session::Session;
use crate::domain::task::{Task, TaskStatus};
use crate::values::{MachineId, ProjectId, SessionId, Slot, TaskId, TaskLabel, Timestamp};

/// A heartbeat of a session: the most frequent write.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionHeartbeat {
    /// The session that sent it.
    pub session: SessionId,
    /// The time of its arrival.
    pub at: Timestamp,
    /// The current task that the row must already have; `None` if any will do.
    pub current_task: Option<TaskLabel>,
}

/// A database of sessions, tasks, machines and events.
///
/// A read sees all commits that returned before it began. Every method can fail with a [`StoreError`]; reads never fail
/// with [`StoreError::Unknown`].
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns the session with this id; `None` if there is none.
    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, StoreError>;

    /// Returns the task with this id; `None` if there is none.
    async fn task(&self, id: TaskId) -> Result<Option<Versioned<Task>>, StoreError>;

    /// Returns the machine with this id; `None` if it is not registered.
    async fn machine(&self, id: &MachineId) -> Result<Option<Versioned<Machine>>, StoreError>;

    /// Returns the tasks of a session in these statuses, in the order of their creation.
    async fn tasks_of(&self, session: SessionId, statuses: &[TaskStatus]) -> Result<Vec<Versioned<Task>>, StoreError>;

    /// Returns the active session of a project on a machine; there is at most one.
    async fn active_session(&self, project: &ProjectId, machine: &MachineId) -> Result<Option<SessionId>, StoreError>;

    /// Returns the live session that holds a slot of a machine; there is at most one.
    async fn slot_holder(&self, machine: &MachineId, slot: Slot) -> Result<Option<SessionId>, StoreError>;

    /// Returns the live sessions of these machines, oldest first for each machine.
    async fn live_sessions(&self, machines: &[MachineId]) -> Result<Vec<LiveSession>, StoreError>;

    /// Returns a page of sessions, newest first.
    async fn sessions(&self, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>, StoreError>;

    /// Returns a page of tasks, newest first.
    async fn tasks(&self, filter: &TaskFilter, page: PageRequest) -> Result<Page<Task>, StoreError>;

    /// Returns a page of machines, newest first.
    async fn machines(&self, filter: &MachineFilter, page: PageRequest) -> Result<Page<Machine>, StoreError>;

    /// Returns the number of sessions in each status; large numbers may be outdated, as in [`Page::total`].
    async fn counts(&self) -> Result<SessionCounts, StoreError>;

    /// Returns the stalled sessions, and the active ones whose last heartbeat came before `heard_before`: longest
    /// silent first, at most `limit`, with the number of all of them.
    async fn stalled_sessions(&self, heard_before: Timestamp, limit: u32) -> Result<StalledSessions, StoreError>;

    /// Returns the active sessions whose last heartbeat came before `heard_before`, longest silent first, at most
    /// `limit`.
    async fn overdue_sessions(
        &self,
        heard_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Versioned<Session>>, StoreError>;

    /// Returns the online machines whose last heartbeat came before `heard_before`, longest silent first, at most
    /// `limit`.
    async fn overdue_machines(
        &self,
        heard_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Versioned<Machine>>, StoreError>;

    /// Returns the earliest last heartbeat among the active sessions and online machines; the next deadline follows
    /// from it.
    async fn earliest_heartbeat(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Returns what the last detection pass stored; `None` before the first one.
    async fn detector_state(&self) -> Result<Option<DetectorState>, StoreError>;

    /// Returns the unarchived sessions that ended at `ended_by` or before, oldest first, at most `limit`.
    async fn expired(&self, ended_by: Timestamp, limit: u32) -> Result<Vec<Expired>, StoreError>;

    /// Returns how many sessions [`Store::expired`] would return without a limit, and how many tasks they have.
    async fn expired_counts(&self, ended_by: Timestamp) -> Result<ExpiredCounts, StoreError>;

    /// Returns the events after a position, or from the first stored one, at most `limit`. A reader that continues
    /// after the last returned position misses none.
    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Result<Vec<RecordedEvent>, StoreError>;

    /// Returns the events that match the filter, latest first, at most `limit`: those before a position, or from the
    /// latest one on.
    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError>;

    /// Returns every API key that was ever created, the latest first.
    async fn keys(&self) -> Result<Vec<Versioned<ApiKey>>, StoreError>;

    /// Returns the response that is stored under an idempotency key and has not expired at `now`.
    async fn stored_response(&self, key: &IdempotencyKey, now: Timestamp)
    -> Result<Option<StoredResponse>, StoreError>;

    /// Applies the changes as a whole or not at all.
    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError>;

    /// Moves the `last_heartbeat` of an active or paused session, forward only, and returns the row. Its version stays
    /// the same. Returns `None` if no row matches.
    async fn record_heartbeat(&self, heartbeat: SessionHeartbeat) -> Result<Option<Versioned<Session>>, StoreError>;

    /// Moves the `last_heartbeat` of a machine that is not offline, like [`Store::record_heartbeat`].
    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError>;

    /// Grants or renews a lease to `claim.holder` for `claim.ttl` from now, if the lease is free, held by that holder
    /// or expired. Returns `None` while another holder has it.
    async fn claim(&self, claim: Claim) -> Result<Option<Fence>, StoreError>;

    /// Releases a lease before it expires, if this fence is still current.
    async fn release(&self, fence: Fence) -> Result<(), StoreError>;

    /// Fails if the store cannot be reached or would not accept a write.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Completes the calls that have begun, then closes the database. Later calls fail with
    /// [`StoreError::Unavailable`].
    async fn close(&self);
}
