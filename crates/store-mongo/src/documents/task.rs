//! A task as a document.

use bson::{Document, RawDocument, doc};
use rekindle_core::domain::task::{Task, TaskState, TaskStatus};
use rekindle_core::store::{StoreError, Version, Versioned};
use rekindle_core::values::{ErrorMessage, IssueId};
use uuid::Uuid;

use super::fields::{Fields, decode};
use super::{DecodeError, Marked, Parts, date, json, session, set};

const MUTABLE_FIELDS: &[&str] = &[
    "github_issue_id",
    "status",
    "started_at",
    "completed_at",
    "error_message",
    "updated_at",
    "metadata",
    "metadata_json",
];

fn parts(task: &Task) -> Parts {
    let mut immutable = doc! {
        "task_id": task.id.to_string(),
        "session_id": task.session_id.to_string(),
        "project_id": task.project_id.as_str(),
        "task_name": task.name.as_str(),
        "created_at": date(task.created_at),
    };
    set(&mut immutable, "copied_from", task.copied_from.map(|id| id.to_string()));
    let mut mutable = doc! { "status": task.status().as_str(), "updated_at": date(task.updated_at) };
    set(&mut mutable, "github_issue_id", task.github_issue_id.as_ref().map(IssueId::as_str));
    set(&mut mutable, "started_at", task.started_at().map(date));
    set(&mut mutable, "completed_at", task.completed_at().map(date));
    set(&mut mutable, "error_message", task.error_message().map(ErrorMessage::as_str));
    json::put(&mut mutable, "metadata", "metadata_json", task.metadata.as_map());
    Parts { immutable, mutable, mutable_names: MUTABLE_FIELDS, last_heartbeat: None }
}

/// Encodes a new row: revision 1, no touches.
pub(crate) fn new(task: &Task, mark: Uuid) -> Document {
    parts(task).new_document(mark)
}

/// Returns the update of a row at this version.
pub(crate) fn changes(task: &Task, at: Version) -> Document {
    parts(task).update(at)
}

pub(crate) fn read(document: &RawDocument) -> Result<Marked<Task>, StoreError> {
    decode("tasks", "task_id", document, |fields| {
        let mark = fields.mark()?;
        let value = Task {
            id: fields.parsed("task_id")?,
            session_id: fields.parsed("session_id")?,
            project_id: fields.parsed("project_id")?,
            name: fields.parsed("task_name")?,
            created_at: fields.time("created_at")?,
            copied_from: fields.parsed_or_none("copied_from")?,
            state: state(fields)?,
            updated_at: fields.time("updated_at")?,
            github_issue_id: fields.parsed_or_none("github_issue_id")?,
            metadata: fields.metadata()?,
        };
        Ok(Marked { mark, entity: Versioned { value, version: fields.version()? } })
    })
}

fn state(fields: &Fields<'_>) -> Result<TaskState, DecodeError> {
    let status = fields.parsed("status")?;
    let started_at = fields.time_or_none("started_at")?;
    let ended = || fields.time("completed_at");
    Ok(match status {
        TaskStatus::Pending => TaskState::Pending,
        // Rekindle always writes the start; for a task of another program the last change stands in.
        TaskStatus::InProgress => {
            TaskState::InProgress { started_at: started_at.map_or_else(|| fields.time("updated_at"), Ok)? }
        }
        TaskStatus::Blocked => TaskState::Blocked { started_at },
        TaskStatus::Completed => TaskState::Completed { started_at, at: ended()? },
        TaskStatus::Failed => TaskState::Failed {
            started_at,
            at: ended()?,
            error_message: fields.parsed_or_none("error_message")?.map_or_else(session::default_error_message, Ok)?,
        },
    })
}
