//! The line of a session.

use rekindle_core::domain::session::{Ended, Lineage, Live, LiveState, Outcome, Phase, Recovered};
use rekindle_core::{InvalidValue, Metadata, Session, SessionId, Slot, Timestamp, Versioned};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::fields::{At, field, millis, optional, text, time};

/// The line of a session.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionRow {
    id: Uuid,
    version: At,
    project_id: String,
    machine_id: String,
    docker_slot: Option<u16>,
    phase: PhaseRow,
    last_heartbeat: i64,
    started_at: i64,
    lineage: LineageRow,
    created_at: i64,
    updated_at: i64,
    metadata: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineageRow {
    id: Uuid,
    attempt: u32,
    recovered_from: Option<Uuid>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum PhaseRow {
    Active {
        current_task: Option<String>,
    },
    Paused {
        current_task: Option<String>,
    },
    Stalled {
        current_task: Option<String>,
        prepared_at: Option<i64>,
    },
    Completed {
        at: i64,
        archived_at: Option<i64>,
    },
    Failed {
        at: i64,
        archived_at: Option<i64>,
        error_message: String,
        prepared_at: Option<i64>,
    },
    Recovered {
        at: i64,
        archived_at: Option<i64>,
        into: Uuid,
        recovered_at: i64,
        prepared_at: Option<i64>,
        error_message: Option<String>,
    },
}

impl From<&Versioned<Session>> for SessionRow {
    fn from(Versioned { value, version }: &Versioned<Session>) -> Self {
        let Lineage { id, attempt, recovered_from } = value.lineage;
        Self {
            id: value.id.0,
            version: (*version).into(),
            project_id: value.project_id.to_string(),
            machine_id: value.machine_id.to_string(),
            docker_slot: value.docker_slot.map(|slot| slot.0),
            phase: PhaseRow::from(&value.phase),
            last_heartbeat: value.last_heartbeat.millis(),
            started_at: value.started_at.millis(),
            lineage: LineageRow { id: id.0, attempt, recovered_from: recovered_from.map(|from| from.0) },
            created_at: value.created_at.millis(),
            updated_at: value.updated_at.millis(),
            metadata: value.metadata.as_map().clone(),
        }
    }
}

impl From<&Phase> for PhaseRow {
    fn from(phase: &Phase) -> Self {
        match phase {
            Phase::Live(Live { state, current_task }) => {
                let current_task = current_task.as_ref().map(ToString::to_string);
                match state {
                    LiveState::Active => Self::Active { current_task },
                    LiveState::Paused => Self::Paused { current_task },
                    LiveState::Stalled { prepared_at } => {
                        Self::Stalled { current_task, prepared_at: millis(*prepared_at) }
                    }
                }
            }
            Phase::Ended(Ended { at, outcome, archived_at }) => {
                let (at, archived_at) = (at.millis(), millis(*archived_at));
                match outcome {
                    Outcome::Completed => Self::Completed { at, archived_at },
                    Outcome::Failed { error_message, prepared_at } => Self::Failed {
                        at,
                        archived_at,
                        error_message: error_message.to_string(),
                        prepared_at: millis(*prepared_at),
                    },
                    Outcome::Recovered(recovered) => Self::Recovered {
                        at,
                        archived_at,
                        into: recovered.into.0,
                        recovered_at: recovered.at.millis(),
                        prepared_at: millis(recovered.prepared_at),
                        error_message: recovered.error_message.as_ref().map(ToString::to_string),
                    },
                }
            }
        }
    }
}

impl PhaseRow {
    fn phase(self) -> Result<Phase, InvalidValue> {
        let live = |state, current_task| {
            let current_task = optional("current_task", current_task)?;
            Ok(Phase::Live(Live { state, current_task }))
        };
        let ended = |at, archived_at, outcome| {
            Phase::Ended(Ended { at: Timestamp::from_millis(at), outcome, archived_at: time(archived_at) })
        };
        match self {
            Self::Active { current_task } => live(LiveState::Active, current_task),
            Self::Paused { current_task } => live(LiveState::Paused, current_task),
            Self::Stalled { current_task, prepared_at } => {
                live(LiveState::Stalled { prepared_at: time(prepared_at) }, current_task)
            }
            Self::Completed { at, archived_at } => Ok(ended(at, archived_at, Outcome::Completed)),
            Self::Failed { at, archived_at, error_message, prepared_at } => {
                let error_message = text("error_message", error_message)?;
                Ok(ended(at, archived_at, Outcome::Failed { error_message, prepared_at: time(prepared_at) }))
            }
            Self::Recovered { at, archived_at, into, recovered_at, prepared_at, error_message } => {
                let recovered = Recovered {
                    into: SessionId(into),
                    at: Timestamp::from_millis(recovered_at),
                    prepared_at: time(prepared_at),
                    error_message: optional("error_message", error_message)?,
                };
                Ok(ended(at, archived_at, Outcome::Recovered(recovered)))
            }
        }
    }
}

impl SessionRow {
    /// Returns the session.
    pub(super) fn versioned(self) -> Result<Versioned<Session>, InvalidValue> {
        let LineageRow { id, attempt, recovered_from } = self.lineage;
        let value = Session {
            id: SessionId(self.id),
            project_id: text("project_id", self.project_id)?,
            machine_id: text("machine_id", self.machine_id)?,
            docker_slot: self.docker_slot.map(Slot),
            phase: self.phase.phase()?,
            last_heartbeat: Timestamp::from_millis(self.last_heartbeat),
            started_at: Timestamp::from_millis(self.started_at),
            metadata: field("metadata", Metadata::new(self.metadata))?,
            lineage: Lineage { id: SessionId(id), attempt, recovered_from: recovered_from.map(SessionId) },
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        };
        Ok(Versioned { value, version: self.version.version()? })
    }
}
