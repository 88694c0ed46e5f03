//! The port that a database implements. A store knows rows and versions and **no rule of the domain**: it reads, it
//! applies [`Changes`] all or none, and it refreshes a heartbeat in place.
//!
//! Three sentences make a use case correct on a store that only serializes writes to the same row:
//! 1. What you decided on, you put or you touch. A put of a row raises its revision; a [`Write::TouchSession`] or
//!    [`Write::TouchMachine`] raises its touch count. A put demands both to be as they were read, a touch only the
//!    revision: so two that touch do not disturb each other, and each disturbs one that puts.
//! 2. A put keeps the later of the stored `last_heartbeat` and its own, and a decision about silence carries
//!    [`Expect::NoHeartbeatSince`]: a beat that arrives in between always wins.
//! 3. Rules about sets are unique indexes: see [`UniqueRule`].

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

/// A heartbeat of a session, as the store's one hot command.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionHeartbeat {
    /// The session.
    pub session: SessionId,
    /// When it was heard.
    pub at: Timestamp,
    /// The current task that the row must already show; none: whichever it shows.
    pub current_task: Option<TaskLabel>,
}

/// A database of sessions, tasks, machines and events.
///
/// Every read sees all commits that were answered before it was asked. Every method may fail with a [`StoreError`];
/// reads never fail with [`StoreError::Unknown`].
#[async_trait]
pub trait Store: Send + Sync {
    /// One session.
    async fn session(&self, id: SessionId) -> Result<Option<Versioned<Session>>, StoreError>;

    /// One task.
    async fn task(&self, id: TaskId) -> Result<Option<Versioned<Task>>, StoreError>;

    /// One machine.
    async fn machine(&self, id: &MachineId) -> Result<Option<Versioned<Machine>>, StoreError>;

    /// The tasks of a session in these statuses, in the order in which they were recorded.
    async fn tasks_of(&self, session: SessionId, statuses: &[TaskStatus]) -> Result<Vec<Versioned<Task>>, StoreError>;

    /// The active session of a project on a machine.
    async fn active_session(&self, project: &ProjectId, machine: &MachineId) -> Result<Option<SessionId>, StoreError>;

    /// The live session that holds a slot of a machine.
    async fn slot_holder(&self, machine: &MachineId, slot: Slot) -> Result<Option<SessionId>, StoreError>;

    /// The live sessions of these machines, oldest first for each machine.
    async fn live_sessions(&self, machines: &[MachineId]) -> Result<Vec<LiveSession>, StoreError>;

    /// A page of sessions, newest first.
    async fn sessions(&self, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>, StoreError>;

    /// A page of tasks, newest first.
    async fn tasks(&self, filter: &TaskFilter, page: PageRequest) -> Result<Page<Task>, StoreError>;

    /// A page of machines, newest first.
    async fn machines(&self, filter: &MachineFilter, page: PageRequest) -> Result<Page<Machine>, StoreError>;

    /// How many sessions there are in each status; large numbers as in [`Page::total`].
    async fn counts(&self) -> Result<SessionCounts, StoreError>;

    /// The sessions that are stalled, and those that are active and were last heard before `heard_before`; longest
    /// silent first, at most `limit`, with the number of all of them.
    async fn stalled_sessions(&self, heard_before: Timestamp, limit: u32) -> Result<StalledSessions, StoreError>;

    /// The active sessions last heard before `heard_before`, longest silent first, at most `limit`.
    async fn overdue_sessions(
        &self,
        heard_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Versioned<Session>>, StoreError>;

    /// The online machines last heard before `heard_before`, longest silent first, at most `limit`.
    async fn overdue_machines(
        &self,
        heard_before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Versioned<Machine>>, StoreError>;

    /// The earliest heartbeat of an active session or an online machine: whoever falls due next.
    async fn earliest_heartbeat(&self) -> Result<Option<Timestamp>, StoreError>;

    /// What the detector last noted of itself.
    async fn detector_state(&self) -> Result<Option<DetectorState>, StoreError>;

    /// The unarchived sessions that ended at `ended_by` or before, oldest first, at most `limit`.
    async fn expired(&self, ended_by: Timestamp, limit: u32) -> Result<Vec<Expired>, StoreError>;

    /// How many sessions [`Store::expired`] would name without a limit, and how many tasks they have.
    async fn expired_counts(&self, ended_by: Timestamp) -> Result<ExpiredCounts, StoreError>;

    /// The events after a position, or from the first one kept, at most `limit`. Whoever goes on from the last
    /// position that this answered misses none.
    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Result<Vec<RecordedEvent>, StoreError>;

    /// The events that fit, the latest first, at most `limit`; those before a position, or from the latest one on.
    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError>;

    /// Every API key that was ever handed out, the latest first.
    async fn keys(&self) -> Result<Vec<Versioned<ApiKey>>, StoreError>;

    /// The answer that stands at this time under an idempotency key.
    async fn stored_response(&self, key: &IdempotencyKey, now: Timestamp)
    -> Result<Option<StoredResponse>, StoreError>;

    /// Applies all of the changes, or none.
    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError>;

    /// Refreshes an active or paused session's `last_heartbeat`, forward only, and answers the row; leaves its
    /// version alone. None when there is no such row in such a state.
    async fn record_heartbeat(&self, beat: SessionHeartbeat) -> Result<Option<Versioned<Session>>, StoreError>;

    /// The same for a machine that is not offline.
    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError>;

    /// Gives a duty to `claim.holder`, or lets it keep it, for `claim.lasts` from now: when nobody has it, when it is that
    /// holder's, or when its holder's time ran out. None while somebody else has it.
    async fn claim(&self, claim: Claim) -> Result<Option<Fence>, StoreError>;

    /// Gives a duty back before its time, if this fence still stands.
    async fn release(&self, fence: Fence) -> Result<(), StoreError>;

    /// Whether the store can be reached and would take a write.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Finishes what has been asked, then lets go of everything. Later calls fail with [`StoreError::Unavailable`].
    async fn close(&self);
}
