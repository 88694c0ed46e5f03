//! The port that a database implements. A store knows rows and versions and **no rule of the domain**: it reads, it
//! applies [`Changes`] as a whole or not at all, and it refreshes a heartbeat in place.
//!
//! Three rules make a use case correct on a store that only serializes writes to the same row:
//! 1. A commit puts or touches every row that it was decided on. A put raises the row's revision; a [`Write::Touch`]
//!    raises its touch count. A put expects both to be as they were read, a touch only the revision: two touches do not
//!    conflict with each other, and each conflicts with a put.
//! 2. A put keeps the later of the stored `last_heartbeat` and its own, and a decision about silence carries
//!    [`Expect::NoHeartbeatSince`]: a heartbeat that arrives in between always wins.
//! 3. Rules about sets of rows are unique indexes: see [`UniqueRule`].

mod batch_observer;
mod changes;
mod entity;
mod error;
mod lease;
mod lists;
pub mod queries;
mod query;
mod stored_response;
mod value;

use async_trait::async_trait;
pub use batch_observer::{BatchObserver, BatchObserverHandle};
pub use changes::{
    Changes, Committed, DetectorState, DetectorStateUpdate, EVENT_PURGE_BATCH, Expect, Put, Version, Versioned, Write,
};
pub use entity::{AnyEntity, Entity, Key, RecordKey};
pub use error::{CommitError, StoreError, UniqueRule};
pub use lease::{Claim, Fence, LeaseName};
pub use lists::{
    AuditFilter, Cursor, EventPosition, Expired, ExpiredCounts, LiveSession, MachineFilter, Page, PageRequest,
    RecordedEvent, SessionCounts, SessionFilter, StalledSessions, Start, TaskFilter,
};
pub use queries::{FindTyped, TypedQuery};
pub use query::{Condition, Count, Found, Order, Query, Row, RowContent, Selection, Test};
pub use stored_response::{IdempotencyKey, StoredResponse};
pub use value::Value;

use crate::domain::machine::Machine;
use crate::domain::session::Session;
use crate::values::{MachineId, SessionId, TaskLabel, Timestamp};

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
    /// Answers a query of the [catalogue](queries). [`FindTyped::read`] returns the answer in its own type.
    async fn find(&self, query: &Query) -> Result<Found, StoreError>;

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
