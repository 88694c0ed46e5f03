//! The record of a task, and how its state follows from the stored fields.

use rekindle_core::domain::task::{Task, TaskState, TaskStatus};
use rekindle_core::values::{ErrorMessage, IssueId, SessionId, TaskId, Timestamp};

use crate::declaration::{CountedTable, Declaration};
use crate::decoder::{DecodeError, DecodeFields, Decoder};
use crate::encoder::{EncodeError, Encoder};
use crate::index::{DocumentIndex, DocumentOrder, Index};
use crate::record::Record;
use crate::session::reason;

crate::declare_fields! {
    /// Names the record.
    ID = Field::uuid("id").named_in_documents("task_id");
    /// The session that works on it.
    SESSION_ID = Field::uuid("session_id");
    /// That session's project.
    PROJECT_ID = Field::text("project_id").up_to(200);
    /// The issue that it belongs to.
    GITHUB_ISSUE_ID = Field::text("github_issue_id").up_to(200).nullable().mutable();
    /// What is to be done.
    NAME = Field::text("name").named_in_documents("task_name").up_to(4000);
    /// Its status.
    STATUS = Field::text("status").mutable().one_of(rekindle_core::domain::task::TaskStatus::TEXTS);
    /// When it was begun.
    STARTED_AT = Field::time("started_at").nullable().mutable();
    /// When it was done, or failed.
    COMPLETED_AT = Field::time("completed_at").nullable().mutable();
    /// Why it failed.
    ERROR_MESSAGE = Field::text("error_message").up_to(4000).nullable().mutable();
    /// The task that it continues.
    COPIED_FROM = Field::uuid("copied_from").nullable().own();
    /// When it was recorded.
    CREATED_AT = Field::time("created_at");
    /// When it last changed.
    UPDATED_AT = Field::time("updated_at").mutable();
    /// The caller's own data.
    METADATA = Field::object("metadata").mutable().own();
}

use fields::{
    COMPLETED_AT, COPIED_FROM, CREATED_AT, ERROR_MESSAGE, GITHUB_ISSUE_ID, ID, METADATA, NAME, PROJECT_ID, SESSION_ID,
    STARTED_AT, STATUS, UPDATED_AT,
};

pub(crate) static DECLARATION: Declaration = Declaration {
    name: "tasks",
    fields: fields::ALL,
    key: Some(&ID),
    sequence: "seq",
    versioned: true,
    unique: &[],
    indexes: &[
        Index::of("created", &[]).by_creation(&CREATED_AT),
        Index::of("session", &[&SESSION_ID]).by_creation(&CREATED_AT).covering(&[&STATUS]),
        Index::of("project", &[&PROJECT_ID]).by_creation(&CREATED_AT).covering(&[&STATUS]),
        Index::of("status", &[&STATUS]).by_creation(&CREATED_AT),
        Index::of("session_status", &[&SESSION_ID, &STATUS]).served_in_sql_by("session"),
    ],
    counted: Some(CountedTable { name: "task_counts", value: ("status", &STATUS), presence: None }),
    document_indexes: Some(&[
        DocumentIndex::of(&[""], &[&ID]).unique(),
        DocumentIndex::of(&["session_status"], &[&SESSION_ID, &STATUS]),
        DocumentIndex::of(&[], &[&PROJECT_ID]),
        DocumentIndex::of(&["created"], &[]).then(NEWEST_FIRST),
        DocumentIndex::of(&["session"], &[&SESSION_ID]).then(NEWEST_FIRST),
        DocumentIndex::of(&["project"], &[&PROJECT_ID]).then(NEWEST_FIRST),
        DocumentIndex::of(&["status"], &[&STATUS]).then(NEWEST_FIRST),
    ]),
};

const NEWEST_FIRST: DocumentOrder = DocumentOrder::NewestFirst(&CREATED_AT);

impl Record for Task {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.put(&ID, self.id.0.into())?;
        to.put(&SESSION_ID, self.session_id.0.into())?;
        to.put(&PROJECT_ID, self.project_id.as_str().into())?;
        to.put(&GITHUB_ISSUE_ID, self.github_issue_id.as_ref().map(IssueId::as_str).into())?;
        to.put(&NAME, self.name.as_str().into())?;
        to.put(&STATUS, self.status().as_str().into())?;
        to.put(&STARTED_AT, self.started_at().into())?;
        to.put(&COMPLETED_AT, self.completed_at().into())?;
        to.put(&ERROR_MESSAGE, self.error_message().map(ErrorMessage::as_str).into())?;
        to.put(&COPIED_FROM, self.copied_from.map(|id| id.0).into())?;
        to.put(&CREATED_AT, self.created_at.into())?;
        to.put(&UPDATED_AT, self.updated_at.into())?;
        to.put(&METADATA, self.metadata.as_map().into())
    }

    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError> {
        let id = TaskId(from.uuid(&ID)?);
        let session_id = SessionId(from.uuid(&SESSION_ID)?);
        let project_id = from.text(&PROJECT_ID)?;
        let github_issue_id = from.optional_text(&GITHUB_ISSUE_ID)?;
        let name = from.text(&NAME)?;
        let status = from.text(&STATUS)?;
        let state = StateFields {
            started_at: from.optional_time(&STARTED_AT)?,
            completed_at: from.optional_time(&COMPLETED_AT)?,
            error_message: from.optional_text(&ERROR_MESSAGE)?,
        };
        let copied_from = from.optional_uuid(&COPIED_FROM)?.map(TaskId);
        let created_at = from.time(&CREATED_AT)?;
        let updated_at = from.time(&UPDATED_AT)?;
        let metadata = from.metadata(&METADATA)?;
        let state = state.state(from, status, updated_at)?;
        Ok(Self {
            id,
            session_id,
            project_id,
            github_issue_id,
            name,
            state,
            metadata,
            copied_from,
            created_at,
            updated_at,
        })
    }
}

/// The fields that say, together with the status, in which state a task is.
struct StateFields {
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    error_message: Option<ErrorMessage>,
}

impl StateFields {
    fn state<D: Decoder + ?Sized>(
        self,
        from: &D,
        status: TaskStatus,
        updated_at: Timestamp,
    ) -> Result<TaskState, DecodeError> {
        let Self { started_at, completed_at, error_message } = self;
        let ended = || from.required(&COMPLETED_AT, completed_at);
        Ok(match status {
            TaskStatus::Pending => TaskState::Pending,
            TaskStatus::InProgress => {
                // Other programs need not say since when; the last change is known.
                let since = started_at.or(from.accepts_foreign().then_some(updated_at));
                TaskState::InProgress { started_at: from.required(&STARTED_AT, since)? }
            }
            TaskStatus::Blocked => TaskState::Blocked { started_at },
            TaskStatus::Completed => TaskState::Completed { started_at, at: ended()? },
            TaskStatus::Failed => TaskState::Failed {
                started_at,
                at: ended()?,
                error_message: reason(from, &ERROR_MESSAGE, error_message)?,
            },
        })
    }
}
