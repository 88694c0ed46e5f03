//! Requests about sessions.

use rekindle_core::rules::recovery::{FailedTasks, Recovery};
use rekindle_core::store::SessionFilter;
use rekindle_core::use_cases::{
    CleanupMode, HeartbeatReport, IfMatch, NewSession, SessionPatch, SessionTarget, SlotRelease,
};
use rekindle_core::{ErrorMessage, MetadataPatch, SessionStatus};

use super::fields::{Reserved, flag, parsed, slot, text};
use super::{Body, Fields, Params, RequestedPage};
use crate::error::ApiError;

/// The default and the maximum number of sessions on a page.
const PAGE: (u32, u32) = (50, 100);
/// The same for the list of silent sessions.
const STALLED: (u32, u32) = (100, 1000);

/// Parses `POST /api/sessions`.
pub(crate) fn new_session(body: &Body) -> Result<NewSession, ApiError> {
    let mut fields = Fields::of(body)?;
    let project_id = fields.required("project_id", text);
    let machine_id = fields.required("machine_id", text);
    let docker_slot = fields.or_none("docker_slot", slot);
    let metadata = fields.metadata(Reserved::OfSessions);
    fields.done(|| {
        Ok(NewSession {
            project_id: project_id?,
            machine_id: machine_id?,
            docker_slot: docker_slot?,
            metadata: metadata?,
        })
    })
}

/// Parses `PATCH /api/sessions/{id}`.
pub(crate) fn patch_session(body: &Body, if_match: Option<IfMatch>) -> Result<SessionPatch, ApiError> {
    let mut fields = Fields::of(body)?;
    let status = fields.optional("status", parsed::<SessionStatus>);
    let current_task = fields.nullable("current_task_id", text);
    let metadata = fields.metadata_patch(Reserved::OfSessions);
    let message = fields.optional("error_message", text::<ErrorMessage>);
    let status = match (status, message) {
        (Ok(Some(SessionStatus::Failed)), Ok(Some(message))) => Ok(Some(SessionTarget::Failed(message))),
        (Ok(Some(SessionStatus::Failed)), Ok(None)) => {
            Err(fields.fault("error_message", "is required with status failed"))
        }
        (Ok(_), Ok(Some(_))) => Err(fields.fault("error_message", "is only for status failed")),
        (Ok(status), Ok(None)) => Ok(status.and_then(without_words)),
        (Err(bad), _) | (_, Err(bad)) => Err(bad),
    };
    fields.done(|| Ok(SessionPatch { status: status?, current_task: current_task?, metadata: metadata?, if_match }))
}

/// Returns the target of a status that needs no message; None for `failed`.
fn without_words(status: SessionStatus) -> Option<SessionTarget> {
    match status {
        SessionStatus::Active => Some(SessionTarget::Active),
        SessionStatus::Paused => Some(SessionTarget::Paused),
        SessionStatus::Stalled => Some(SessionTarget::Stalled),
        SessionStatus::Completed => Some(SessionTarget::Completed),
        SessionStatus::Failed => None,
    }
}

/// Parses `POST /api/sessions/{id}/heartbeat`.
pub(crate) fn beat(body: &Body) -> Result<HeartbeatReport, ApiError> {
    if body.0.is_empty() {
        return Ok(HeartbeatReport::default());
    }
    let mut fields = Fields::of(body)?;
    let current_task = fields.nullable("current_task_id", text);
    let metadata = fields.metadata_patch(Reserved::OfSessions);
    fields.done(|| Ok(HeartbeatReport { current_task: current_task?, metadata: metadata? }))
}

/// Parses `POST /api/sessions/{id}/mark-failed`.
pub(crate) fn mark_failed(body: &Body) -> Result<(ErrorMessage, Option<MetadataPatch>), ApiError> {
    let mut fields = Fields::of(body)?;
    let message = fields.required("error_message", text);
    let metadata = fields.metadata_patch(Reserved::OfSessions);
    fields.done(|| Ok((message?, metadata?)))
}

/// Parses `POST /api/sessions/{id}/prepare-recovery`.
pub(crate) fn prepare_recovery(body: &Body) -> Result<SlotRelease, ApiError> {
    let mut fields = Fields::of(body)?;
    let release = fields.optional("release_slot", flag);
    fields.done(|| Ok(if release? == Some(true) { SlotRelease::Release } else { SlotRelease::Hold }))
}

/// Parses `POST /api/sessions/{id}/recover`.
pub(crate) fn recover(body: &Body) -> Result<Recovery, ApiError> {
    let mut fields = Fields::of(body)?;
    let new_machine_id = fields.required("new_machine_id", text);
    let docker_slot = fields.or_none("docker_slot", slot);
    let reset = fields.optional("reset_failed_tasks", flag);
    fields.done(|| {
        Ok(Recovery {
            new_machine_id: new_machine_id?,
            docker_slot: docker_slot?,
            failed_tasks: if reset? == Some(false) { FailedTasks::Leave } else { FailedTasks::Reset },
        })
    })
}

/// Checks the body of an action without fields: if present, it must be an object.
pub(crate) fn empty_body(body: &Body) -> Result<(), ApiError> {
    Fields::of(body).map(|_| ())
}

/// Parses `GET /api/sessions`.
pub(crate) fn session_filter(mut params: Params) -> Result<(SessionFilter, RequestedPage), ApiError> {
    let project_id = params.parsed("project_id");
    let machine_id = params.parsed("machine_id");
    let status = params.parsed("status");
    let archived = params.flag("archived");
    let lineage_id = params.parsed("lineage_id");
    let paging = params.paging(PAGE.0, PAGE.1);
    params.done(|| {
        let filter = SessionFilter {
            project_id: project_id?,
            machine_id: machine_id?,
            status: status?,
            archived: archived?,
            lineage_id: lineage_id?,
        };
        Ok((filter, paging?))
    })
}

/// Parses `GET /api/sessions/archived`.
pub(crate) fn archived_page(mut params: Params) -> Result<(SessionFilter, RequestedPage), ApiError> {
    let paging = params.paging(PAGE.0, PAGE.1);
    params.done(|| Ok((SessionFilter { archived: Some(true), ..SessionFilter::default() }, paging?)))
}

/// Parses `GET /api/sessions/stalled`.
pub(crate) fn stalled_limit(mut params: Params) -> Result<u32, ApiError> {
    let limit = params.limit(STALLED.0, STALLED.1);
    params.done(|| limit)
}

/// Parses `POST` and `DELETE /api/sessions/cleanup`.
pub(crate) fn cleanup(mut params: Params) -> Result<(Option<u32>, CleanupMode), ApiError> {
    let days = params.number("older_than_days", 0..=u64::from(u32::MAX));
    let dry_run = params.flag("dry_run");
    params.done(|| {
        let mode = if dry_run? == Some(true) { CleanupMode::DryRun } else { CleanupMode::Delete };
        Ok((days?.and_then(|days| u32::try_from(days).ok()), mode))
    })
}
