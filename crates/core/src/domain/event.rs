//! What happened: every commit appends its events in the same transaction. They serve the audit trail, a session's
//! timeline, and whoever follows along. Heartbeats are no events.

use serde_json::{Map, Value};

use crate::domain::api_key::Actor;
use crate::values::string_enum::string_enum;
use crate::values::{KeyId, MachineId, SessionId, TaskId, Timestamp};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// To whom.
    pub subject: Subject,
    /// What else is worth knowing of it, such as `recovered_into`.
    pub detail: Map<String, Value>,
    /// On whose behalf.
    pub by: Option<Actor>,
}

/// Whom an event happened to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A session.
    Session(SessionId),
    /// A task, and the session that it belongs to.
    Task(TaskId, SessionId),
    /// A machine.
    Machine(MachineId),
    /// An API key.
    Key(KeyId),
    /// The service itself.
    Service,
}

string_enum! {
    /// What can happen.
    pub enum EventKind {
        /// A session began.
        SessionCreated = "session.created",
        /// A session's current task or metadata was changed.
        SessionUpdated = "session.updated",
        /// A paused session went on.
        SessionResumed = "session.resumed",
        /// A session was paused.
        SessionPaused = "session.paused",
        /// A session fell silent past its deadline, or was declared stalled.
        SessionStalled = "session.stalled",
        /// A stalled session came back by itself.
        SessionRevived = "session.revived",
        /// A session ended well.
        SessionCompleted = "session.completed",
        /// A session failed.
        SessionFailed = "session.failed",
        /// Somebody began to recover a session.
        SessionRecoveryPrepared = "session.recovery_prepared",
        /// A session's work went on in a successor.
        SessionRecovered = "session.recovered",
        /// A session was archived.
        SessionArchived = "session.archived",
        /// A session and its tasks were deleted.
        SessionDeleted = "session.deleted",
        /// A task was recorded.
        TaskCreated = "task.created",
        /// A task's metadata was changed.
        TaskUpdated = "task.updated",
        /// A task went back to the start.
        TaskReset = "task.reset",
        /// A task is being worked on.
        TaskStarted = "task.started",
        /// A task cannot go on.
        TaskBlocked = "task.blocked",
        /// A task is done.
        TaskCompleted = "task.completed",
        /// A task failed.
        TaskFailed = "task.failed",
        /// A task was deleted.
        TaskDeleted = "task.deleted",
        /// A machine was registered.
        MachineRegistered = "machine.registered",
        /// A machine's slots, name or metadata were changed.
        MachineUpdated = "machine.updated",
        /// A machine takes sessions.
        MachineOnline = "machine.online",
        /// A machine fell silent, or was declared offline.
        MachineOffline = "machine.offline",
        /// A machine was taken into maintenance.
        MachineMaintenance = "machine.maintenance",
        /// A machine was deleted.
        MachineDeleted = "machine.deleted",
        /// An API key was handed out.
        KeyCreated = "key.created",
        /// An API key was given a successor.
        KeyRotated = "key.rotated",
        /// An API key was taken away.
        KeyRevoked = "key.revoked",
        /// Somebody was not let in, or asked for what their key may not do.
        AccessRefused = "access.refused",
    }
}

impl Event {
    /// An event without detail.
    pub fn new(at: Timestamp, kind: EventKind, subject: Subject) -> Self {
        Self { at, kind, subject, detail: Map::new(), by: None }
    }

    /// The event with one more detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.to_owned(), value.into());
        self
    }

    /// The session with which the event is deleted. The news of a deletion outlives its session, and what is no
    /// session's belongs to none: those go by age.
    pub fn deleted_with_session(&self) -> Option<SessionId> {
        match (&self.subject, self.kind) {
            (Subject::Session(_), EventKind::SessionDeleted)
            | (Subject::Machine(_) | Subject::Key(_) | Subject::Service, _) => None,
            (Subject::Session(id) | Subject::Task(_, id), _) => Some(*id),
        }
    }
}
