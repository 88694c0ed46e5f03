//! Requests about tasks.

use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::store::TaskFilter;
use rekindle_core::use_cases::{IfMatch, NewTask, TaskPatch};
use rekindle_core::{ErrorMessage, TaskStatus};

use super::fields::{Reserved, parsed, text};
use super::{Body, Fields, Params, RequestedPage};
use crate::error::ApiError;

/// The default and the maximum number of tasks on a page.
const PAGE: (u32, u32) = (50, 200);

/// Parses `POST /api/tasks`.
pub(crate) fn new_task(body: &Body) -> Result<NewTask, ApiError> {
    let mut fields = Fields::of(body)?;
    let session_id = fields.required("session_id", parsed);
    let project_id = fields.required("project_id", text);
    let github_issue_id = fields.or_none("github_issue_id", text);
    let name = fields.required("task_name", text);
    let metadata = fields.metadata(Reserved::Nothing);
    fields.done(|| {
        Ok(NewTask {
            session_id: session_id?,
            project_id: project_id?,
            github_issue_id: github_issue_id?,
            name: name?,
            metadata: metadata?,
        })
    })
}

/// Parses `PATCH /api/tasks/{id}`.
pub(crate) fn patch_task(body: &Body, if_match: Option<IfMatch>) -> Result<TaskPatch, ApiError> {
    let mut fields = Fields::of(body)?;
    let status = fields.optional("status", parsed::<TaskStatus>);
    let message = fields.optional("error_message", text::<ErrorMessage>);
    let metadata = fields.metadata_patch(Reserved::Nothing);
    let status = match (status, message) {
        (Ok(Some(TaskStatus::Failed)), Ok(Some(message))) => Ok(Some(TaskTarget::Failed(message))),
        (Ok(Some(TaskStatus::Failed)), Ok(None)) => {
            Err(fields.fault("error_message", "is required with status failed"))
        }
        (Ok(_), Ok(Some(_))) => Err(fields.fault("error_message", "is only for status failed")),
        (Ok(status), Ok(None)) => Ok(status.and_then(without_words)),
        (Err(bad), _) | (_, Err(bad)) => Err(bad),
    };
    fields.done(|| Ok(TaskPatch { status: status?, metadata: metadata?, if_match }))
}

/// Returns the target of a status that needs no message; None for `failed`.
fn without_words(status: TaskStatus) -> Option<TaskTarget> {
    match status {
        TaskStatus::Pending => Some(TaskTarget::Pending),
        TaskStatus::InProgress => Some(TaskTarget::InProgress),
        TaskStatus::Blocked => Some(TaskTarget::Blocked),
        TaskStatus::Completed => Some(TaskTarget::Completed),
        TaskStatus::Failed => None,
    }
}

/// Parses `GET /api/tasks`.
pub(crate) fn task_filter(mut params: Params) -> Result<(TaskFilter, RequestedPage), ApiError> {
    let session_id = params.parsed("session_id");
    let project_id = params.parsed("project_id");
    let status = params.parsed("status");
    let paging = params.paging(PAGE.0, PAGE.1);
    params.done(|| Ok((TaskFilter { session_id: session_id?, project_id: project_id?, status: status? }, paging?)))
}
