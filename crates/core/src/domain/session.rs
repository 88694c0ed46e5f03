//! A session: one run of an agent over a project's tasks on one machine.
//!
//! Data that belongs to one state is stored in that state, so that an ended session cannot have a current task, and a
//! live one cannot have an end time. The state machine is in [`transition`].

pub mod transition;

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::values::string_enum::string_enum;
use crate::values::{ErrorMessage, MachineId, Metadata, ProjectId, SessionId, Slot, TaskLabel, Timestamp};

/// A session, without its version (see [`crate::store::Versioned`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// The id, unique among all sessions.
    pub id: SessionId,
    /// The project whose tasks it works on.
    pub project_id: ProjectId,
    /// The machine that it runs on.
    pub machine_id: MachineId,
    /// The slot that it holds on its machine while it is live; `None` if it needs none or gave it up.
    pub docker_slot: Option<Slot>,
    /// Its state, with the data that belongs to it.
    pub phase: Phase,
    /// The time of its last heartbeat.
    pub last_heartbeat: Timestamp,
    /// The time of its start.
    pub started_at: Timestamp,
    /// The client's own data.
    pub metadata: Metadata,
    /// Its place in a chain of recoveries.
    pub lineage: Lineage,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time of its last change, heartbeats excepted.
    pub updated_at: Timestamp,
}

/// The state of a session: live, or ended for good.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// It runs, or can become active again.
    Live(Live),
    /// It has ended and never becomes live again.
    Ended(Ended),
}

/// The state of a live session.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// Which of the three live states it is in.
    pub state: LiveState,
    /// Its current task, as the client reported it.
    pub current_task: Option<TaskLabel>,
}

/// The three live states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveState {
    /// It works and is expected to send heartbeats.
    Active,
    /// It rests on purpose: missing heartbeats are ignored.
    Paused,
    /// It missed its deadline, or was declared stalled.
    Stalled {
        /// The time at which its recovery was first prepared, if it was.
        prepared_at: Option<Timestamp>,
    },
}

/// The state of an ended session.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// The time at which it was archived; `None` if retention may delete it.
    pub archived_at: Option<Timestamp>,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The client completed it.
    Completed,
    /// It failed, and can be recovered.
    Failed {
        /// The reason, as the client gave it.
        error_message: ErrorMessage,
        /// The time at which its recovery was first prepared, if it was.
        prepared_at: Option<Timestamp>,
    },
    /// A successor continues its work. It counts as completed.
    Recovered(Recovered),
}

/// The record of a session's recovery.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    /// The session that continues its work.
    pub into: SessionId,
    /// The time of the recovery.
    pub at: Timestamp,
    /// When the recovery was prepared, if it was.
    pub prepared_at: Option<Timestamp>,
    /// Why the session had failed, if it had.
    pub error_message: Option<ErrorMessage>,
}

/// A session's place in the chain of recoveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lineage {
    /// The first session of the chain.
    pub id: SessionId,
    /// 1 for the first session, one more for each recovery.
    pub attempt: u32,
    /// The session that this one continues; `None` for the first of the chain.
    pub recovered_from: Option<SessionId>,
}

string_enum! {
    /// The status of a session, as clients see it.
    pub enum SessionStatus {
        /// It works and is expected to send heartbeats.
        Active = "active",
        /// It rests on purpose.
        Paused = "paused",
        /// It missed its deadline, or was declared stalled.
        Stalled = "stalled",
        /// It ended without failing, or was recovered.
        Completed = "completed",
        /// It ended by a failure.
        Failed = "failed",
    }
}

impl SessionStatus {
    /// Returns whether a session in this status has not ended.
    pub const fn is_live(self) -> bool {
        match self {
            Self::Active | Self::Paused | Self::Stalled => true,
            Self::Completed | Self::Failed => false,
        }
    }
}

impl Session {
    /// Returns the status that belongs to its state.
    pub fn status(&self) -> SessionStatus {
        match &self.phase {
            Phase::Live(live) => match live.state {
                LiveState::Active => SessionStatus::Active,
                LiveState::Paused => SessionStatus::Paused,
                LiveState::Stalled { .. } => SessionStatus::Stalled,
            },
            Phase::Ended(ended) => match ended.outcome {
                Outcome::Completed | Outcome::Recovered(_) => SessionStatus::Completed,
                Outcome::Failed { .. } => SessionStatus::Failed,
            },
        }
    }

    /// Returns its current task; `None` once it has ended.
    pub fn current_task(&self) -> Option<&TaskLabel> {
        match &self.phase {
            Phase::Live(live) => live.current_task.as_ref(),
            Phase::Ended(_) => None,
        }
    }

    /// Returns the time at which it ended; `None` while it is live.
    pub fn completed_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Live(_) => None,
            Phase::Ended(ended) => Some(ended.at),
        }
    }

    /// Returns the time at which it was archived.
    pub fn archived_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Live(_) => None,
            Phase::Ended(ended) => ended.archived_at,
        }
    }

    /// Returns its successor, once it was recovered.
    pub fn recovered_into(&self) -> Option<SessionId> {
        self.recovered().map(|recovered| recovered.into)
    }

    /// Returns the record of its recovery, once it was recovered.
    pub fn recovered(&self) -> Option<&Recovered> {
        match &self.phase {
            Phase::Ended(Ended { outcome: Outcome::Recovered(recovered), .. }) => Some(recovered),
            Phase::Ended(_) | Phase::Live(_) => None,
        }
    }

    /// Returns the time at which its recovery was first prepared, if it was.
    pub fn prepared_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Live(Live { state: LiveState::Stalled { prepared_at }, .. })
            | Phase::Ended(Ended { outcome: Outcome::Failed { prepared_at, .. }, .. }) => *prepared_at,
            Phase::Live(_) | Phase::Ended(_) => self.recovered().and_then(|recovered| recovered.prepared_at),
        }
    }

    /// Returns the time from which its downtime counts: the failure of a failed session; for a stalled one its
    /// deadline, or its last change if that was earlier, since it was then declared stalled. `None` in every other
    /// status.
    pub fn failed_or_stalled_at(&self, stall_threshold: Duration) -> Option<Timestamp> {
        match self.status() {
            SessionStatus::Failed => self.completed_at(),
            SessionStatus::Stalled => Some(self.last_heartbeat.plus(stall_threshold).min(self.updated_at)),
            SessionStatus::Active | SessionStatus::Paused | SessionStatus::Completed => None,
        }
    }

    /// Returns the reason of its failure, also after its recovery.
    pub fn error_message(&self) -> Option<&ErrorMessage> {
        match &self.phase {
            Phase::Ended(Ended { outcome: Outcome::Failed { error_message, .. }, .. }) => Some(error_message),
            Phase::Live(_) | Phase::Ended(_) => self.recovered().and_then(|recovered| recovered.error_message.as_ref()),
        }
    }

    /// Returns the metadata as clients see it: their own, and the keys that the server sets
    /// ([`crate::values::RESERVED_SESSION_KEYS`]).
    pub fn shown_metadata(&self) -> Map<String, Value> {
        let mut shown = self.metadata.as_map().clone();
        if let Some(at) = self.archived_at() {
            shown.insert("archived".to_owned(), Value::Bool(true));
            shown.insert("archived_at".to_owned(), Value::String(at.to_string()));
        }
        if let Some(message) = self.error_message() {
            shown.insert("error_message".to_owned(), Value::String(message.to_string()));
        }
        let mut recovery = Map::new();
        if let Some(at) = self.prepared_at() {
            recovery.insert("prepared_at".to_owned(), json!(at.to_string()));
        }
        if let Some(recovered) = self.recovered() {
            recovery.insert("recovered_into".to_owned(), json!(recovered.into.to_string()));
            recovery.insert("recovered_at".to_owned(), json!(recovered.at.to_string()));
        }
        if !recovery.is_empty() {
            shown.insert("recovery".to_owned(), Value::Object(recovery));
        }
        shown
    }
}

#[cfg(test)]
mod tests;
