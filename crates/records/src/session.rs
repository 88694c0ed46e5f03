//! The record of a session, and how its phase follows from the stored fields.

use rekindle_core::domain::session::{
    Ended, Lineage, Live, LiveState, Outcome, Phase, Recovered, Session, SessionStatus,
};
use rekindle_core::store::UniqueRule;
use rekindle_core::values::{ErrorMessage, SessionId, Slot, TaskLabel, Timestamp};

use crate::declaration::{CountedTable, Declaration};
use crate::decoder::{DecodeError, DecodeFields, Decoder};
use crate::encoder::{EncodeError, Encoder};
use crate::field::Field;
use crate::index::{Condition, DocumentIndex, DocumentOrder, Index, UniqueSet};
use crate::record::Record;

crate::declare_fields! {
    /// Names the record.
    ID = Field::uuid("id").named_in_documents("session_id");
    /// Its project.
    PROJECT_ID = Field::text("project_id").up_to(200);
    /// Its machine.
    MACHINE_ID = Field::text("machine_id").up_to(200);
    /// The slot that it holds while it is live.
    DOCKER_SLOT = Field::small_integer("docker_slot").nullable().mutable();
    /// Its status.
    STATUS = Field::text("status").mutable().one_of(rekindle_core::domain::session::SessionStatus::TEXTS);
    /// Its last heartbeat.
    LAST_HEARTBEAT = Field::time("last_heartbeat").latest();
    /// What it works on.
    CURRENT_TASK = Field::text("current_task").named_in_documents("current_task_id").up_to(200).nullable().mutable();
    /// When it began.
    STARTED_AT = Field::time("started_at");
    /// When it ended.
    COMPLETED_AT = Field::time("completed_at").nullable().mutable();
    /// When it was archived.
    ARCHIVED_AT = Field::time("archived_at").nullable().mutable().own();
    /// Why it failed.
    ERROR_MESSAGE = Field::text("error_message").up_to(4000).nullable().mutable();
    /// When its recovery was prepared.
    PREPARED_AT = Field::time("prepared_at").nullable().mutable().own();
    /// Its successor.
    RECOVERED_INTO = Field::uuid("recovered_into").nullable().mutable().own();
    /// When it was recovered.
    RECOVERED_AT = Field::time("recovered_at").nullable().mutable().own();
    /// The first session of its chain of recoveries.
    LINEAGE_ID = Field::uuid("lineage_id").own();
    /// Its number in that chain.
    ATTEMPT = Field::integer("attempt").own();
    /// The session that it continues.
    RECOVERED_FROM = Field::uuid("recovered_from").nullable().own();
    /// When it was recorded.
    CREATED_AT = Field::time("created_at");
    /// When it last changed.
    UPDATED_AT = Field::time("updated_at").mutable();
    /// The caller's own data.
    METADATA = Field::object("metadata").mutable().own();
}

/// The statuses of a live session.
const LIVE: &[&str] =
    &[SessionStatus::Active.as_str(), SessionStatus::Paused.as_str(), SessionStatus::Stalled.as_str()];

/// The statuses whose heartbeats detection watches.
const WATCHED: &[&str] = &[SessionStatus::Active.as_str(), SessionStatus::Stalled.as_str()];

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
        Index::of("silence", &[&STATUS, &LAST_HEARTBEAT]).only(&[Condition::IsOneOf(&STATUS, WATCHED)]),
        Index::of("live", &[&MACHINE_ID, &CREATED_AT])
            .only(&[Condition::IsOneOf(&STATUS, LIVE)])
            .served_in_sql_by("one_per_slot"),
    ],
    counted: Some(CountedTable {
        name: "session_counts",
        value: ("status", &STATUS),
        presence: Some(("archived", &ARCHIVED_AT)),
    }),
    document_indexes: Some(DOCUMENT_INDEXES),
};

/// A document store checks unique indexes in this order.
static DOCUMENT_INDEXES: &[DocumentIndex] = &[
    DocumentIndex::of(&[""], &[&ID]).unique(),
    DocumentIndex::of(&["one_active"], &[&PROJECT_ID, &MACHINE_ID])
        .named("one_active")
        .unique()
        .only(&[Condition::Is(&STATUS, SessionStatus::Active.as_str())]),
    // Other programs write null for no slot.
    DocumentIndex::of(&["one_per_slot"], &[&MACHINE_ID, &DOCKER_SLOT])
        .named("one_per_slot")
        .unique()
        .only(&[Condition::NotNegative(&DOCKER_SLOT), Condition::IsOneOf(&STATUS, LIVE)]),
    DocumentIndex::of(&["one_successor"], &[&RECOVERED_FROM])
        .named("one_successor")
        .unique()
        .only(&[Condition::Present(&RECOVERED_FROM)]),
    DocumentIndex::of(&[], &[&PROJECT_ID, &STATUS]),
    DocumentIndex::of(&[], &[&MACHINE_ID]),
    DocumentIndex::of(&[], &[&LAST_HEARTBEAT]),
    DocumentIndex::of(&["silence"], &[&STATUS, &LAST_HEARTBEAT])
        .named("silence")
        .then(DocumentOrder::Recorded)
        .only(&[Condition::IsOneOf(&STATUS, WATCHED)]),
    DocumentIndex::of(&["live"], &[&MACHINE_ID, &CREATED_AT])
        .named("live")
        .then(DocumentOrder::Recorded)
        .only(&[Condition::IsOneOf(&STATUS, LIVE)]),
    DocumentIndex::of(&["created"], &[]).then(NEWEST_FIRST),
    DocumentIndex::of(&["project"], &[&PROJECT_ID]).then(NEWEST_FIRST),
    DocumentIndex::of(&["machine"], &[&MACHINE_ID]).then(NEWEST_FIRST),
    DocumentIndex::of(&["status"], &[&STATUS]).then(NEWEST_FIRST),
    DocumentIndex::of(&["lineage"], &[&LINEAGE_ID]).then(NEWEST_FIRST),
    DocumentIndex::of(&["archived"], &[])
        .named("archived")
        .then(NEWEST_FIRST)
        .only(&[Condition::Present(&ARCHIVED_AT)]),
    DocumentIndex::of(&["ended"], &[&COMPLETED_AT])
        .named("retention")
        .only(&[Condition::Absent(&ARCHIVED_AT)])
        .expiring(),
];

const NEWEST_FIRST: DocumentOrder = DocumentOrder::NewestFirst(&CREATED_AT);

impl Record for Session {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.put(&ID, self.id.0.into())?;
        to.put(&PROJECT_ID, self.project_id.as_str().into())?;
        to.put(&MACHINE_ID, self.machine_id.as_str().into())?;
        to.put(&DOCKER_SLOT, self.docker_slot.map(|slot| i64::from(slot.0)).into())?;
        to.put(&STATUS, self.status().as_str().into())?;
        to.put(&LAST_HEARTBEAT, self.last_heartbeat.into())?;
        to.put(&CURRENT_TASK, self.current_task().map(TaskLabel::as_str).into())?;
        to.put(&STARTED_AT, self.started_at.into())?;
        to.put(&COMPLETED_AT, self.completed_at().into())?;
        to.put(&ARCHIVED_AT, self.archived_at().into())?;
        to.put(&ERROR_MESSAGE, self.error_message().map(ErrorMessage::as_str).into())?;
        to.put(&PREPARED_AT, self.prepared_at().into())?;
        to.put(&RECOVERED_INTO, self.recovered_into().map(|id| id.0).into())?;
        to.put(&RECOVERED_AT, self.recovered().map(|recovered| recovered.at).into())?;
        to.put(&LINEAGE_ID, self.lineage.id.0.into())?;
        to.put(&ATTEMPT, i64::from(self.lineage.attempt).into())?;
        to.put(&RECOVERED_FROM, self.lineage.recovered_from.map(|id| id.0).into())?;
        to.put(&CREATED_AT, self.created_at.into())?;
        to.put(&UPDATED_AT, self.updated_at.into())?;
        to.put(&METADATA, self.metadata.as_map().into())
    }

    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError> {
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
            completed_at: from.optional_time(&COMPLETED_AT)?,
            archived_at: from.optional_time(&ARCHIVED_AT)?,
            error_message: from.optional_text(&ERROR_MESSAGE)?,
            prepared_at: from.optional_time(&PREPARED_AT)?,
            recovered_into: from.optional_uuid(&RECOVERED_INTO)?.map(SessionId),
            recovered_at: from.optional_time(&RECOVERED_AT)?,
        };
        let lineage = lineage(from, id)?;
        let created_at = from.time(&CREATED_AT)?;
        let updated_at = from.time(&UPDATED_AT)?;
        let metadata = from.metadata(&METADATA)?;
        let phase = state.phase(from, status)?;
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
fn lineage<D: Decoder + ?Sized>(from: &mut D, id: SessionId) -> Result<Lineage, DecodeError> {
    let first = from.optional_uuid(&LINEAGE_ID)?.or(from.accepts_foreign().then_some(id.0));
    let attempt = from.optional_number(&ATTEMPT)?.or(from.accepts_foreign().then_some(1));
    Ok(Lineage {
        id: SessionId(from.required(&LINEAGE_ID, first)?),
        attempt: from.required(&ATTEMPT, attempt)?,
        recovered_from: from.optional_uuid(&RECOVERED_FROM)?.map(SessionId),
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
    fn phase<D: Decoder + ?Sized>(self, from: &D, status: SessionStatus) -> Result<Phase, DecodeError> {
        let prepared_at = self.prepared_at;
        let state = match status {
            SessionStatus::Active => LiveState::Active,
            SessionStatus::Paused => LiveState::Paused,
            SessionStatus::Stalled => LiveState::Stalled { prepared_at },
            SessionStatus::Completed | SessionStatus::Failed => return self.ended(from, status).map(Phase::Ended),
        };
        Ok(Phase::Live(Live { state, current_task: self.current_task }))
    }

    fn ended<D: Decoder + ?Sized>(self, from: &D, status: SessionStatus) -> Result<Ended, DecodeError> {
        let Self { archived_at, error_message, prepared_at, .. } = self;
        let at = from.required(&COMPLETED_AT, self.completed_at)?;
        let outcome = if status == SessionStatus::Failed {
            Outcome::Failed { error_message: reason(from, &ERROR_MESSAGE, error_message)?, prepared_at }
        } else {
            match (self.recovered_into, self.recovered_at) {
                (None, None) => Outcome::Completed,
                (Some(into), Some(at)) => Outcome::Recovered(Recovered { into, at, prepared_at, error_message }),
                (into, at) => {
                    from.required(&RECOVERED_INTO, into)?;
                    from.required(&RECOVERED_AT, at)?;
                    return Err(DecodeError::Contradiction("its recovery is half there"));
                }
            }
        };
        Ok(Ended { at, outcome, archived_at })
    }
}

/// Returns why something failed. Other programs need not say it.
pub(crate) fn reason<D: Decoder + ?Sized>(
    from: &D,
    field: &'static Field,
    message: Option<ErrorMessage>,
) -> Result<ErrorMessage, DecodeError> {
    match message {
        None if from.accepts_foreign() => "no reason was recorded".parse().map_err(|error| from.invalid(field, error)),
        message => from.required(field, message),
    }
}
