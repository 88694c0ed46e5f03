//! A session: one run of an agent over a project's tasks on one machine. What it knows, and what it shows of itself.
//!
//! Data that belongs to one state lives in that state, so that an ended session cannot have a current task, nor a
//! live one a time at which it ended. The table of states is in [`transition`].

pub mod transition;

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::values::string_enum::string_enum;
use crate::values::{ErrorMessage, MachineId, Metadata, ProjectId, SessionId, Slot, TaskLabel, Timestamp};

/// A session, without its revision (see [`crate::store::Versioned`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The project that it works through.
    pub project_id: ProjectId,
    /// The machine that it runs on.
    pub machine_id: MachineId,
    /// The machine's slot that it holds while it is live.
    pub docker_slot: Option<Slot>,
    /// Where it stands.
    pub phase: Phase,
    /// Its last sign of life.
    pub last_heartbeat: Timestamp,
    /// When it began.
    pub started_at: Timestamp,
    /// The client's own data.
    pub metadata: Metadata,
    /// Where it comes from.
    pub lineage: Lineage,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last changed; heartbeats alone do not count.
    pub updated_at: Timestamp,
}

/// Where a session stands: live, or ended for good.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// It runs, or may come back by itself.
    Live(Live),
    /// It is over.
    Ended(Ended),
}

/// A session that is not over.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// How it fares.
    pub state: LiveState,
    /// What it says that it is working on.
    pub current_task: Option<TaskLabel>,
}

/// How a live session fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveState {
    /// Working, and expected to send heartbeats.
    Active,
    /// Resting on purpose: its silence means nothing.
    Paused,
    /// Silent past its deadline.
    Stalled {
        /// When somebody began to recover it.
        prepared_at: Option<Timestamp>,
    },
}

/// A session that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When it ended.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was put beyond the reach of retention.
    pub archived_at: Option<Timestamp>,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// By its own word.
    Completed,
    /// It failed, and can be recovered.
    Failed {
        /// Why.
        error_message: ErrorMessage,
        /// When somebody began to recover it.
        prepared_at: Option<Timestamp>,
    },
    /// Its work went on in a successor; counts as completed.
    Recovered(Recovered),
}

/// What is kept of a session's recovery.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    /// The successor.
    pub into: SessionId,
    /// When.
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
    /// The session that this one continues.
    pub recovered_from: Option<SessionId>,
}

string_enum! {
    /// The five states that a session shows.
    pub enum SessionStatus {
        /// Working.
        Active = "active",
        /// Resting on purpose.
        Paused = "paused",
        /// Silent past its deadline.
        Stalled = "stalled",
        /// Over, and well.
        Completed = "completed",
        /// Over, and not well.
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
    /// Its status.
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

    /// What it says that it is working on; nothing once it has ended.
    pub fn current_task(&self) -> Option<&TaskLabel> {
        match &self.phase {
            Phase::Live(live) => live.current_task.as_ref(),
            Phase::Ended(_) => None,
        }
    }

    /// When it ended.
    pub fn completed_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Live(_) => None,
            Phase::Ended(ended) => Some(ended.at),
        }
    }

    /// When it was archived.
    pub fn archived_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Live(_) => None,
            Phase::Ended(ended) => ended.archived_at,
        }
    }

    /// The session that goes on with its work.
    pub fn recovered_into(&self) -> Option<SessionId> {
        self.recovered().map(|recovered| recovered.into)
    }

    /// Its recovery, once it happened.
    pub fn recovered(&self) -> Option<&Recovered> {
        match &self.phase {
            Phase::Ended(Ended { outcome: Outcome::Recovered(recovered), .. }) => Some(recovered),
            Phase::Ended(_) | Phase::Live(_) => None,
        }
    }

    /// When somebody began to recover it.
    pub fn prepared_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Live(Live { state: LiveState::Stalled { prepared_at }, .. })
            | Phase::Ended(Ended { outcome: Outcome::Failed { prepared_at, .. }, .. }) => *prepared_at,
            Phase::Live(_) | Phase::Ended(_) => self.recovered().and_then(|recovered| recovered.prepared_at),
        }
    }

    /// When it was given up, as far as the row shows: when it failed, or a stalled one's deadline, or when it was declared
    /// stalled before that. None of what was not given up.
    pub fn failed_or_stalled_at(&self, stall_threshold: Duration) -> Option<Timestamp> {
        match self.status() {
            SessionStatus::Failed => self.completed_at(),
            SessionStatus::Stalled => Some(self.last_heartbeat.plus(stall_threshold).min(self.updated_at)),
            SessionStatus::Active | SessionStatus::Paused | SessionStatus::Completed => None,
        }
    }

    /// Why it failed, if it ever did.
    pub fn error_message(&self) -> Option<&ErrorMessage> {
        match &self.phase {
            Phase::Ended(Ended { outcome: Outcome::Failed { error_message, .. }, .. }) => Some(error_message),
            Phase::Live(_) | Phase::Ended(_) => self.recovered().and_then(|recovered| recovered.error_message.as_ref()),
        }
    }

    /// The metadata as it is shown: the client's, and the keys that are the server's
    /// (see [`crate::values::RESERVED_SESSION_KEYS`]).
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
