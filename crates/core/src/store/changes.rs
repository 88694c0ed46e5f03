//! What a use case asks a store to change, and how that can fail.

use std::time::Duration;

use super::lease::Fence;
use super::stored_response::StoredResponse;
use crate::domain::api_key::ApiKey;
use crate::domain::event::Event;
use crate::domain::machine::Machine;
use crate::domain::session::Session;
use crate::domain::task::Task;
use crate::values::{MachineId, SessionId, TaskId, Timestamp};

/// How often a row was changed. A new row is at revision 1 with no touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Raised by each put; what the outside knows as the entity's revision.
    pub revision: u64,
    /// Raised by each touch: by those who decided on this row without changing it.
    pub touches: u64,
}

impl Version {
    /// The version of a row that was just made.
    pub const FIRST: Self = Self { revision: 1, touches: 0 };

    /// The version after a put.
    #[must_use]
    pub const fn after_put(self) -> Self {
        Self { revision: self.revision + 1, touches: self.touches }
    }
}

/// A value as the store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// Its version.
    pub version: Version,
}

/// What must still be true of a row for a write to it to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is no such row.
    Absent,
    /// The row is at this version.
    At(Version),
    /// The row is at this version, and nothing was heard of it after this point in time.
    NoHeartbeatSince {
        /// The version.
        at: Version,
        /// The `last_heartbeat` that was judged.
        since: Timestamp,
    },
}

/// A row to be stored as a whole. What an entity was born with never changes (ids, project, a session's machine and
/// lineage, a task's name and origin, `started_at` of a session, `created_at`): a store need not write that again.
#[derive(Debug, Clone, PartialEq)]
pub struct Put<T> {
    /// The new value.
    pub value: T,
    /// What must still be true.
    pub expect: Expect,
}

/// One write to one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Stores a session.
    PutSession(Put<Session>),
    /// Stores a task.
    PutTask(Put<Task>),
    /// Stores a machine.
    PutMachine(Put<Machine>),
    /// Stores an API key.
    PutKey(Put<ApiKey>),
    /// Stores a row that is not there, at the version that it had where it comes from.
    Restore(Box<StoredEntity>),
    /// Notes that something was decided on this revision of a session.
    TouchSession(SessionId, u64),
    /// Notes that something was decided on this revision of a machine.
    TouchMachine(MachineId, u64),
    /// Deletes a session with its tasks and the events kept with it.
    DeleteSession(SessionId, Version),
    /// Deletes a task.
    DeleteTask(TaskId, Version),
    /// Deletes a machine.
    DeleteMachine(MachineId, Version),
}

/// A row of another store, as it was there.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredEntity {
    /// A session.
    Session(Versioned<Session>),
    /// A task.
    Task(Versioned<Task>),
    /// A machine.
    Machine(Versioned<Machine>),
    /// An API key.
    Key(Versioned<ApiKey>),
}

/// What the detector notes of itself after each pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorState {
    /// When it looked.
    pub last_pass_at: Timestamp,
    /// When it meant to look again at the latest.
    pub next_pass_due: Timestamp,
    /// No silence before this point counts: nobody could be heard.
    pub grace_until: Timestamp,
}

/// A note of the detector that takes the place of the one that it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorStateUpdate {
    /// The new note.
    pub value: DetectorState,
    /// The note that must still stand; none: that there is none yet. Otherwise the commit is stale.
    pub seen: Option<DetectorState>,
}

/// Writes that happen together or not at all, and the events that they cause.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Applied in this order; the unique rules must hold after each.
    pub writes: Vec<Write>,
    /// Appended in this order, after the writes.
    pub events: Vec<Event>,
    /// The detector's note.
    pub detector_state: Option<DetectorStateUpdate>,
    /// Forgets events older than this that are kept with no session, at most [`EVENT_PURGE_BATCH`].
    pub purge_events_before: Option<Timestamp>,
    /// The answer by which this is told to whoever asked for it.
    pub stored_response: Option<StoredResponse>,
    /// The right by which this is done: it must still stand, or the commit is [`CommitError::Fenced`] whatever else it is.
    pub fence: Option<Fence>,
}

impl Changes {
    /// Adds a new row's write.
    pub fn insert<T>(&mut self, value: T)
    where
        Put<T>: Into<Write>,
    {
        self.writes.push(Put { value, expect: Expect::Absent }.into());
    }

    /// Adds a changed row's write.
    pub fn update<T>(&mut self, value: T, at: Version)
    where
        Put<T>: Into<Write>,
    {
        self.writes.push(Put { value, expect: Expect::At(at) }.into());
    }

    /// Whether there is nothing to do. A fence alone is nothing.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.events.is_empty()
            && self.detector_state.is_none()
            && self.purge_events_before.is_none()
            && self.stored_response.is_none()
    }
}

impl From<Put<Session>> for Write {
    fn from(put: Put<Session>) -> Self {
        Self::PutSession(put)
    }
}

impl From<Put<ApiKey>> for Write {
    fn from(put: Put<ApiKey>) -> Self {
        Self::PutKey(put)
    }
}

impl From<Put<Task>> for Write {
    fn from(put: Put<Task>) -> Self {
        Self::PutTask(put)
    }
}

impl From<Put<Machine>> for Write {
    fn from(put: Put<Machine>) -> Self {
        Self::PutMachine(put)
    }
}

/// What a commit did beyond what was asked of it by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// How many tasks went with their deleted sessions.
    pub deleted_tasks: u64,
    /// How many events were forgotten by age.
    pub purged_events: u64,
}

/// How many events one commit forgets at most, so that nobody waits long for it.
pub const EVENT_PURGE_BATCH: u64 = 1000;

/// The rules about sets of rows that a store enforces by unique indexes. A put that breaks several of those about
/// sessions is refused by the first of them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UniqueRule {
    /// One active session per project and machine.
    ActivePerProjectAndMachine,
    /// One live session per machine and slot.
    LivePerSlot,
    /// One successor per session.
    Successor,
    /// One standing answer per idempotency key. Looked at before any write.
    IdempotencyKey,
}

/// How a commit fails.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A row is not as it was expected. Nothing was written: look again and decide anew.
    #[error("a row changed since it was read")]
    Stale,
    /// A rule about a set of sessions forbids it. Nothing was written.
    #[error("a unique rule forbids it: {0:?}")]
    UniqueViolation(UniqueRule),
    /// The fence fell: another process has the duty now. Nothing was written.
    #[error("another process has this duty now")]
    Fenced,
    /// The store could not do it.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// How a store fails. The text is for the log, not for a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Out of reach or unable to write. Nothing was written.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// More calls wait than the store takes; this one was not begun. It is well, only busy. Nothing was written.
    #[error("the store is overloaded: {0}")]
    Overloaded(String),
    /// The store failed so often lately that it is left alone for this long; this call was not begun. Nothing was written.
    #[error("the circuit to the store is open: it failed repeatedly and is asked again in {} ms", .retry_in.as_millis())]
    CircuitOpen {
        /// Until it is asked again; zero when that is about to happen.
        retry_in: Duration,
    },
    /// A read took too long, or a write took too long before it began. Nothing was written.
    #[error("the store did not answer in time: {0}")]
    TimedOut(String),
    /// A write was asked for and its outcome was not heard: it may have happened.
    #[error("the outcome of a write is unknown: {0}")]
    Unknown(String),
    /// What is stored makes no sense.
    #[error("the store holds something that makes no sense: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether this answer to a call means that the call wrote nothing.
    pub const fn says_nothing_was_written(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Overloaded(_) | Self::CircuitOpen { .. } | Self::TimedOut(_) => true,
            Self::Unknown(_) | Self::Corrupt(_) => false,
        }
    }
}
