//! The changes that a use case commits.

use super::entity::{AnyEntity, Entity, Key, RecordKey};
use super::lease::Fence;
use super::stored_response::StoredResponse;
use crate::domain::event::Event;
use crate::values::Timestamp;

/// How often a row was changed. A new row has revision 1 and no touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Raised by each put; clients see it as the entity's revision.
    pub revision: u64,
    /// Raised by each touch: by each commit that was decided on this row without changing it.
    pub touches: u64,
}

impl Version {
    /// The version of a new row.
    pub const FIRST: Self = Self { revision: 1, touches: 0 };

    /// Returns the version after a put.
    #[must_use]
    pub const fn after_put(self) -> Self {
        Self { revision: self.revision + 1, touches: self.touches }
    }
}

/// A stored value and the version at which it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The entity.
    pub value: T,
    /// The version of its row.
    pub version: Version,
}

/// The condition on a row under which a write to it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The row does not exist.
    Absent,
    /// The row is at this version.
    At(Version),
    /// The row is at this version, and no heartbeat of it came after this time.
    NoHeartbeatSince {
        /// The version that was read.
        at: Version,
        /// The `last_heartbeat` that was judged.
        since: Timestamp,
    },
}

/// An entity to be stored as a whole. Some fields never change after its creation, as its declaration says: a store need
/// not write them again.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// The new value.
    pub value: AnyEntity,
    /// The condition of the write.
    pub expect: Expect,
}

/// One write to one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Stores an entity.
    Put(Put),
    /// Inserts a record of another store, at the version that it had there.
    Restore(Versioned<AnyEntity>),
    /// Records that the commit was decided on this revision of a record.
    Touch(RecordKey, u64),
    /// Deletes a record at this version; a session with its tasks and the events that belong to it.
    Delete(RecordKey, Version),
}

impl Write {
    /// Returns the write that stores an entity on a condition.
    pub fn put(value: impl Entity, expect: Expect) -> Self {
        Self::Put(Put { value: value.into(), expect })
    }

    /// Returns the write that restores an entity at its version.
    pub fn restore(entity: Versioned<impl Entity>) -> Self {
        Self::Restore(Versioned { value: entity.value.into(), version: entity.version })
    }

    /// Returns the write that touches the record of this id at a revision.
    pub fn touch<T: Entity>(id: T::Id, revision: u64) -> Self {
        Self::Touch(RecordKey::of::<T>(id), revision)
    }

    /// Returns the write that deletes the record of this id at a version.
    pub fn delete<T: Entity>(id: T::Id, version: Version) -> Self {
        Self::Delete(RecordKey::of::<T>(id), version)
    }
}

/// What a detection pass stores at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorState {
    /// The time at which the pass began.
    pub last_pass_at: Timestamp,
    /// The time at which the next pass is due at the latest.
    pub next_pass_due: Timestamp,
    /// The time before which silence does not count, because no heartbeat could arrive.
    pub grace_until: Timestamp,
}

/// A detector state that replaces the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorStateUpdate {
    /// The new state.
    pub value: DetectorState,
    /// The state that must still be stored; `None` if none must be stored. Otherwise the commit is stale.
    pub seen: Option<DetectorState>,
}

/// Writes that happen as a whole or not at all, and the events that they cause.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Applied in this order; the unique rules must hold after each.
    pub writes: Vec<Write>,
    /// Appended in this order, after the writes.
    pub events: Vec<Event>,
    /// The detector state to store.
    pub detector_state: Option<DetectorStateUpdate>,
    /// Purges events older than this that belong to no session, at most [`EVENT_PURGE_BATCH`].
    pub purge_events_before: Option<Timestamp>,
    /// The response to the idempotent request that causes these changes.
    pub stored_response: Option<StoredResponse>,
    /// The fence of the lease under which this is done. If it is no longer current, the commit fails with
    /// [`super::CommitError::Fenced`], whatever else is wrong.
    pub fence: Option<Fence>,
}

impl Changes {
    /// Adds the write of a new record.
    pub fn insert(&mut self, value: impl Entity) {
        self.writes.push(Write::put(value, Expect::Absent));
    }

    /// Adds the write of a changed record, which was read at this version.
    pub fn update(&mut self, value: impl Entity, at: Version) {
        self.writes.push(Write::put(value, Expect::At(at)));
    }

    /// Returns whether there is nothing to write. A fence alone is nothing.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.events.is_empty()
            && self.detector_state.is_none()
            && self.purge_events_before.is_none()
            && self.stored_response.is_none()
    }
}

impl Entity for DetectorState {
    const KIND: &'static str = "watch";
    type Id = Key;

    /// There is one state for a whole store.
    fn id(&self) -> Key {
        Key::Text("detector".into())
    }
}

/// The effects of a commit that its changes do not state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// The number of tasks that were deleted with their sessions.
    pub deleted_tasks: u64,
    /// The number of events that were purged by age.
    pub purged_events: u64,
}

/// The most events that one commit purges, so that other commits do not wait long.
pub const EVENT_PURGE_BATCH: u64 = 1000;
