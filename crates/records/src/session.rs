//! The record of a session, and how its phase is told from the stored fields.

use rekindle_core::domain::session::{
    Ended, Lineage, Live, LiveState, Outcome, Phase, Recovered, Session, SessionStatus,
};
use rekindle_core::store::UniqueRule;
use rekindle_core::values::{ErrorMessage, SessionId, Slot, TaskLabel, Timestamp};

use crate::declaration::{Condition, Declaration, Index, UniqueSet, declare_fields};
use crate::decoder::{DecodeError, Decoder};
use crate::encoder::Encoder;
use crate::record::{Key, Record};

declare_fields! {
    /// Names the record.
    ID = Field::uuid("id").named_in_documents("session_id");
    /// Its project.
    PROJECT_ID = Field::text("project_id");
    /// Its machine.
    MACHINE_ID = Field::text("machine_id");
    /// The slot that it holds while it is live.
    DOCKER_SLOT = Field::integer("docker_slot").nullable().mutable();
    /// Its status.
    STATUS = Field::text("status").mutable();
    /// Its last heartbeat.
    LAST_HEARTBEAT = Field::time("last_heartbeat").latest();
    /// What it works on.
    CURRENT_TASK = Field::text("current_task").named_in_documents("current_task_id").nullable().mutable();
    /// When it began.
    STARTED_AT = Field::time("started_at");
    /// When it ended.
    COMPLETED_AT = Field::time("completed_at").nullable().mutable();
    /// When it was archived.
    ARCHIVED_AT = Field::time("archived_at").nullable().mutable();
    /// Why it failed.
    ERROR_MESSAGE = Field::text("error_message").nullable().mutable();
    /// When its recovery was prepared.
    PREPARED_AT = Field::time("prepared_at").nullable().mutable();
    /// Its successor.
    RECOVERED_INTO = Field::uuid("recovered_into").nullable().mutable();
    /// When it was recovered.
    RECOVERED_AT = Field::time("recovered_at").nullable().mutable();
    /// The first session of its chain of recoveries.
    LINEAGE_ID = Field::uuid("lineage_id");
    /// Its number in that chain.
    ATTEMPT = Field::integer("attempt");
    /// The session that it continues.
    RECOVERED_FROM = Field::uuid("recovered_from").nullable();
    /// When it was recorded.
    CREATED_AT = Field::time("created_at");
    /// When it last changed.
    UPDATED_AT = Field::time("updated_at").mutable();
    /// The caller's own data.
    METADATA = Field::object("metadata").mutable();
}

use fields::{
    ARCHIVED_AT, ATTEMPT, COMPLETED_AT, CREATED_AT, CURRENT_TASK, DOCKER_SLOT, ERROR_MESSAGE, ID, LAST_HEARTBEAT,
    LINEAGE_ID, MACHINE_ID, METADATA, PREPARED_AT, PROJECT_ID, RECOVERED_AT, RECOVERED_FROM, RECOVERED_INTO,
    STARTED_AT, STATUS, UPDATED_AT,
};

pub(crate) static DECLARATION: Declaration = Declaration {
    name: "sessions",
    fields: fields::ALL,
    key: Some(&ID),
    sequence: "seq",
    versioned: true,
    unique: &[
        UniqueSet {
            name: "one_active",
            rule: UniqueRule::ActivePerProjectAndMachine,
            fields: &[&PROJECT_ID, &MACHINE_ID],
            only: &[Condition::Is(&STATUS, SessionStatus::Active.as_str())],
        },
        // The live ones: a session has no time of its end until it has ended.
        UniqueSet {
            name: "one_per_slot",
            rule: UniqueRule::LivePerSlot,
            fields: &[&MACHINE_ID, &DOCKER_SLOT],
            only: &[Condition::Absent(&COMPLETED_AT)],
        },
        UniqueSet {
            name: "one_successor",
            rule: UniqueRule::Successor,
            fields: &[&RECOVERED_FROM],
            only: &[Condition::Present(&RECOVERED_FROM)],
        },
    ],
    indexes: &[
        Index::of("created", &[]).by_creation(&CREATED_AT).covering(&[&ARCHIVED_AT]),
        Index::of("project", &[&PROJECT_ID]).by_creation(&CREATED_AT).covering(&[&STATUS, &ARCHIVED_AT]),
        Index::of("machine", &[&MACHINE_ID]).by_creation(&CREATED_AT).covering(&[&STATUS, &ARCHIVED_AT, &PROJECT_ID]),
        Index::of("status", &[&STATUS]).by_creation(&CREATED_AT).covering(&[&ARCHIVED_AT]),
        Index::of("archived", &[])
            .by_creation(&CREATED_AT)
            .covering(&[&STATUS])
            .only(&[Condition::Present(&ARCHIVED_AT)]),
        Index::of("lineage", &[&LINEAGE_ID]).by_creation(&CREATED_AT),
        // Retention.
        Index::of("ended", &[&COMPLETED_AT])
            .only(&[Condition::Present(&COMPLETED_AT), Condition::Absent(&ARCHIVED_AT)]),
        // Detection. No other index holds the last heartbeat: each further one would halve the rate of heartbeats.
        Index::of("silence", &[&STATUS, &LAST_HEARTBEAT])
            .only(&[Condition::IsOneOf(&STATUS, &[SessionStatus::Active.as_str(), SessionStatus::Stalled.as_str()])]),
    ],
};

impl Record for Session {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn key(&self) -> Option<Key<'_>> {
        Some(Key::Uuid(self.id.0))
    }

    fn encode<E: Encoder>(&self, to: &mut E) -> Result<(), E::Error> {
        to.uuid(&ID, self.id.0)?;
        to.text(&PROJECT_ID, self.project_id.as_str())?;
        to.text(&MACHINE_ID, self.machine_id.as_str())?;
        to.integer(&DOCKER_SLOT, self.docker_slot.map(|slot| slot.0.into()))?;
        to.text(&STATUS, self.status().as_str())?;
        to.time(&LAST_HEARTBEAT, self.last_heartbeat)?;
        to.text(&CURRENT_TASK, self.current_task().map(TaskLabel::as_str))?;
        to.time(&STARTED_AT, self.started_at)?;
        to.time(&COMPLETED_AT, self.completed_at())?;
        to.time(&ARCHIVED_AT, self.archived_at())?;
        to.text(&ERROR_MESSAGE, self.error_message().map(ErrorMessage::as_str))?;
        to.time(&PREPARED_AT, self.prepared_at())?;
        to.uuid(&RECOVERED_INTO, self.recovered_into().map(|id| id.0))?;
        to.time(&RECOVERED_AT, self.recovered().map(|recovered| recovered.at))?;
        to.uuid(&LINEAGE_ID, self.lineage.id.0)?;
        to.integer(&ATTEMPT, i64::from(self.lineage.attempt))?;
        to.uuid(&RECOVERED_FROM, self.lineage.recovered_from.map(|id| id.0))?;
        to.time(&CREATED_AT, self.created_at)?;
        to.time(&UPDATED_AT, self.updated_at)?;
        to.object(&METADATA, self.metadata.as_map())
    }

    fn decode<D: Decoder>(from: &mut D) -> Result<Self, DecodeError> {
        let id = SessionId(from.uuid(&ID)?);
        let project_id = from.text(&PROJECT_ID)?;
        let machine_id = from.text(&MACHINE_ID)?;
        let docker_slot = from.optional_number(&DOCKER_SLOT)?.map(Slot);
        let status = from.text(&STATUS)?;
        let last_heartbeat = from.time(&LAST_HEARTBEAT)?;
        let current_task = from.optional_text(&CURRENT_TASK)?;
        let started_at = from.time(&STARTED_AT)?;
        let state = StateFields {
            current_task,
            completed_at: from.read_time(&COMPLETED_AT)?,
            archived_at: from.read_time(&ARCHIVED_AT)?,
            error_message: from.optional_text(&ERROR_MESSAGE)?,
            prepared_at: from.read_time(&PREPARED_AT)?,
            recovered_into: from.read_uuid(&RECOVERED_INTO)?.map(SessionId),
            recovered_at: from.read_time(&RECOVERED_AT)?,
        };
        let lineage = lineage(from, id)?;
        let created_at = from.time(&CREATED_AT)?;
        let updated_at = from.time(&UPDATED_AT)?;
        let metadata = from.metadata(&METADATA)?;
        let phase = state.phase::<D>(status)?;
        Ok(Self {
            id,
            project_id,
            machine_id,
            docker_slot,
            phase,
            last_heartbeat,
            started_at,
            metadata,
            lineage,
            created_at,
            updated_at,
        })
    }
}

/// Reads where a session comes from. One that another program recorded is the first of its chain.
fn lineage<D: Decoder>(from: &mut D, id: SessionId) -> Result<Lineage, DecodeError> {
    let first = from.read_uuid(&LINEAGE_ID)?.or(D::ACCEPTS_FOREIGN.then_some(id.0));
    let attempt = from.optional_number(&ATTEMPT)?.or(D::ACCEPTS_FOREIGN.then_some(1));
    Ok(Lineage {
        id: SessionId(D::required(&LINEAGE_ID, first)?),
        attempt: D::required(&ATTEMPT, attempt)?,
        recovered_from: from.read_uuid(&RECOVERED_FROM)?.map(SessionId),
    })
}

/// The fields that say, together with the status, in which phase a session is.
struct StateFields {
    current_task: Option<TaskLabel>,
    completed_at: Option<Timestamp>,
    archived_at: Option<Timestamp>,
    error_message: Option<ErrorMessage>,
    prepared_at: Option<Timestamp>,
    recovered_into: Option<SessionId>,
    recovered_at: Option<Timestamp>,
}

impl StateFields {
    fn phase<D: Decoder>(self, status: SessionStatus) -> Result<Phase, DecodeError> {
        let prepared_at = self.prepared_at;
        let state = match status {
            SessionStatus::Active => LiveState::Active,
            SessionStatus::Paused => LiveState::Paused,
            SessionStatus::Stalled => LiveState::Stalled { prepared_at },
            SessionStatus::Completed | SessionStatus::Failed => return self.ended::<D>(status).map(Phase::Ended),
        };
        Ok(Phase::Live(Live { state, current_task: self.current_task }))
    }

    fn ended<D: Decoder>(self, status: SessionStatus) -> Result<Ended, DecodeError> {
        let Self { archived_at, error_message, prepared_at, .. } = self;
        let at = D::required(&COMPLETED_AT, self.completed_at)?;
        let outcome = if status == SessionStatus::Failed {
            Outcome::Failed { error_message: reason::<D>(&ERROR_MESSAGE, error_message)?, prepared_at }
        } else {
            match (self.recovered_into, self.recovered_at) {
                (None, None) => Outcome::Completed,
                (Some(into), Some(at)) => Outcome::Recovered(Recovered { into, at, prepared_at, error_message }),
                (into, at) => {
                    D::required(&RECOVERED_INTO, into)?;
                    D::required(&RECOVERED_AT, at)?;
                    return Err(DecodeError::Contradiction("its recovery is half there"));
                }
            }
        };
        Ok(Ended { at, outcome, archived_at })
    }
}

/// Returns why something failed. Other programs need not say it.
pub(crate) fn reason<D: Decoder>(
    field: &'static crate::declaration::Field,
    message: Option<ErrorMessage>,
) -> Result<ErrorMessage, DecodeError> {
    match message {
        None if D::ACCEPTS_FOREIGN => "no reason was recorded".parse().map_err(|error| D::invalid(field, error)),
        message => D::required(field, message),
    }
}
