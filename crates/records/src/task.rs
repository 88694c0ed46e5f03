//! The record of a task, and how its state is told from the stored fields.

use rekindle_core::domain::task::{Task, TaskState, TaskStatus};
use rekindle_core::values::{ErrorMessage, IssueId, SessionId, TaskId, Timestamp};

use crate::declaration::{Declaration, Index, declare_fields};
use crate::decoder::{DecodeError, Decoder};
use crate::encoder::Encoder;
use crate::record::{Key, Record};
use crate::session::reason;

declare_fields! {
    /// Names the record.
    ID = Field::uuid("id").named_in_documents("task_id");
    /// The session that works on it.
    SESSION_ID = Field::uuid("session_id");
    /// That session's project.
    PROJECT_ID = Field::text("project_id");
    /// The issue that it belongs to.
    GITHUB_ISSUE_ID = Field::text("github_issue_id").nullable().mutable();
    /// What is to be done.
    NAME = Field::text("name").named_in_documents("task_name");
    /// Its status.
    STATUS = Field::text("status").mutable();
    /// When it was begun.
    STARTED_AT = Field::time("started_at").nullable().mutable();
    /// When it was done, or failed.
    COMPLETED_AT = Field::time("completed_at").nullable().mutable();
    /// Why it failed.
    ERROR_MESSAGE = Field::text("error_message").nullable().mutable();
    /// The task that it continues.
    COPIED_FROM = Field::uuid("copied_from").nullable();
    /// When it was recorded.
    CREATED_AT = Field::time("created_at");
    /// When it last changed.
    UPDATED_AT = Field::time("updated_at").mutable();
    /// The caller's own data.
    METADATA = Field::object("metadata").mutable();
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
    ],
};

impl Record for Task {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn key(&self) -> Option<Key<'_>> {
        Some(Key::Uuid(self.id.0))
    }

    fn encode<E: Encoder>(&self, to: &mut E) -> Result<(), E::Error> {
        to.uuid(&ID, self.id.0)?;
        to.uuid(&SESSION_ID, self.session_id.0)?;
        to.text(&PROJECT_ID, self.project_id.as_str())?;
        to.text(&GITHUB_ISSUE_ID, self.github_issue_id.as_ref().map(IssueId::as_str))?;
        to.text(&NAME, self.name.as_str())?;
        to.text(&STATUS, self.status().as_str())?;
        to.time(&STARTED_AT, self.started_at())?;
        to.time(&COMPLETED_AT, self.completed_at())?;
        to.text(&ERROR_MESSAGE, self.error_message().map(ErrorMessage::as_str))?;
        to.uuid(&COPIED_FROM, self.copied_from.map(|id| id.0))?;
        to.time(&CREATED_AT, self.created_at)?;
        to.time(&UPDATED_AT, self.updated_at)?;
        to.object(&METADATA, self.metadata.as_map())
    }

    fn decode<D: Decoder>(from: &mut D) -> Result<Self, DecodeError> {
        let id = TaskId(from.uuid(&ID)?);
        let session_id = SessionId(from.uuid(&SESSION_ID)?);
        let project_id = from.text(&PROJECT_ID)?;
        let github_issue_id = from.optional_text(&GITHUB_ISSUE_ID)?;
        let name = from.text(&NAME)?;
        let status = from.text(&STATUS)?;
        let state = StateFields {
            started_at: from.read_time(&STARTED_AT)?,
            completed_at: from.read_time(&COMPLETED_AT)?,
            error_message: from.optional_text(&ERROR_MESSAGE)?,
        };
        let copied_from = from.read_uuid(&COPIED_FROM)?.map(TaskId);
        let created_at = from.time(&CREATED_AT)?;
        let updated_at = from.time(&UPDATED_AT)?;
        let metadata = from.metadata(&METADATA)?;
        let state = state.state::<D>(status, updated_at)?;
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
    fn state<D: Decoder>(self, status: TaskStatus, updated_at: Timestamp) -> Result<TaskState, DecodeError> {
        let Self { started_at, completed_at, error_message } = self;
        let ended = || D::required(&COMPLETED_AT, completed_at);
        Ok(match status {
            TaskStatus::Pending => TaskState::Pending,
            TaskStatus::InProgress => {
                // Other programs need not say since when; the last change is known.
                let since = started_at.or(D::ACCEPTS_FOREIGN.then_some(updated_at));
                TaskState::InProgress { started_at: D::required(&STARTED_AT, since)? }
            }
            TaskStatus::Blocked => TaskState::Blocked { started_at },
            TaskStatus::Completed => TaskState::Completed { started_at, at: ended()? },
            TaskStatus::Failed => TaskState::Failed {
                started_at,
                at: ended()?,
                error_message: reason::<D>(&ERROR_MESSAGE, error_message)?,
            },
        })
    }
}
