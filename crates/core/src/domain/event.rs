//! Events: records of changes, appended in the same transaction as the change. They are the source of the audit log, of
//! a session's timeline and of live updates. Heartbeats are not events.

use serde_json::{Map, Value};

use crate::domain::api_key::Actor;
use crate::values::string_enum::string_enum;
use crate::values::{KeyId, MachineId, SessionId, TaskId, Timestamp};

/// A record of one change.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The entity that it happened to.
    pub subject: Subject,
    /// Further facts, by name, such as `recovered_into`; they depend on the kind.
    pub detail: Map<String, Value>,
    /// On whose behalf; `None` for the service's own passes.
    pub by: Option<Actor>,
}

/// The entity that an event happened to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A session.
    Session(SessionId),
    /// A task and its session.
    Task(TaskId, SessionId),
    /// A machine.
    Machine(MachineId),
    /// An API key.
    Key(KeyId),
    /// The service itself.
    Service,
}

string_enum! {
    /// The kinds of events.
    pub enum EventKind {
        /// A session was created.
        SessionCreated = "session.created",
        /// A session's current task or metadata was changed.
        SessionUpdated = "session.updated",
        /// A paused session became active.
        SessionResumed = "session.resumed",
        /// A session was paused.
        SessionPaused = "session.paused",
        /// A session missed its deadline, or was declared stalled.
        SessionStalled = "session.stalled",
        /// A stalled session became active again without a recovery.
        SessionRevived = "session.revived",
        /// A session was completed.
        SessionCompleted = "session.completed",
        /// A session failed.
        SessionFailed = "session.failed",
        /// The recovery of a session was prepared.
        SessionRecoveryPrepared = "session.recovery_prepared",
        /// A session was recovered into a successor.
        SessionRecovered = "session.recovered",
        /// A session was archived.
        SessionArchived = "session.archived",
        /// A session and its tasks were deleted.
        SessionDeleted = "session.deleted",
        /// A task was created.
        TaskCreated = "task.created",
        /// A task's metadata was changed.
        TaskUpdated = "task.updated",
        /// A task became pending again.
        TaskReset = "task.reset",
        /// A task became in progress.
        TaskStarted = "task.started",
        /// A task became blocked.
        TaskBlocked = "task.blocked",
        /// A task was completed.
        TaskCompleted = "task.completed",
        /// A task failed.
        TaskFailed = "task.failed",
        /// A task was deleted.
        TaskDeleted = "task.deleted",
        /// A machine was registered.
        MachineRegistered = "machine.registered",
        /// A machine's slots, name or metadata were changed.
        MachineUpdated = "machine.updated",
        /// A machine came online.
        MachineOnline = "machine.online",
        /// A machine missed its deadline, or was declared offline.
        MachineOffline = "machine.offline",
        /// A machine was taken into maintenance.
        MachineMaintenance = "machine.maintenance",
        /// A machine was deleted.
        MachineDeleted = "machine.deleted",
        /// An API key was created.
        KeyCreated = "key.created",
        /// An API key was replaced by a new one.
        KeyRotated = "key.rotated",
        /// An API key was revoked.
        KeyRevoked = "key.revoked",
        /// A request was refused because of its API key or its role.
        AccessRefused = "access.refused",
    }
}

impl Event {
    /// Returns an event without details and without an actor.
    pub fn new(at: Timestamp, kind: EventKind, subject: Subject) -> Self {
        Self { at, kind, subject, detail: Map::new(), by: None }
    }

    /// Returns the event with one more detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.to_owned(), value.into());
        self
    }

    /// Returns the session together with which the event is deleted. `None` for an event that is purged by age: the
    /// deletion of a session, and every event that concerns no session.
    pub fn deleted_with_session(&self) -> Option<SessionId> {
        match (&self.subject, self.kind) {
            (Subject::Session(_), EventKind::SessionDeleted)
            | (Subject::Machine(_) | Subject::Key(_) | Subject::Service, _) => None,
            (Subject::Session(id) | Subject::Task(_, id), _) => Some(*id),
        }
    }
}
