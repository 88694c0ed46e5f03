//! What happens to sessions: heartbeats, failing, stalling, archiving, and the passes over all of them.

use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use rekindle_core::SessionId;
use rekindle_core::tracker::CleanupMode;
use tracing::{Level, enabled};

use super::sessions::{changed, note, shown};
use crate::answer::{Alarm, Answer, Note, entity, json, noted};
use crate::api::{
    CleanupQuery, CleanupReport, DetectReport, HeartbeatBody, HeartbeatResponse, MarkFailed, Session, time_ms,
};
use crate::context::Context;
use crate::parse::{self, Body, Params, PathId};

/// Send a heartbeat
///
/// A stalled session is active again by it, a paused one stays paused.
#[utoipa::path(
    post, path = "/api/sessions/{id}/heartbeat", tag = "sessions", operation_id = "sendHeartbeat",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    request_body = HeartbeatBody,
    responses(
        (status = 200, description = "The session, and when to send the next one", body = HeartbeatResponse),
        (status = 409, description = "`session_ended`: stop working; `details` name the successor, if there is one. \
            `session_conflict`: another session became active in its place"),
    ),
)]
pub async fn heartbeat(context: Data<Context>, id: PathId<SessionId>, body: Body) -> Answer {
    let report = parse::beat(&body)?;
    let row = context.run("beat", |tracker| async move { tracker.beat(id.0, &report).await }).await?;
    let next_heartbeat_ms = time_ms(context.tracker().policy().next_heartbeat());
    let body = HeartbeatResponse { session: Session::from(&row), next_heartbeat_ms };
    let answer = entity(StatusCode::OK, row.version, &body);
    if !enabled!(Level::DEBUG) {
        return answer;
    }
    let last_heartbeat = Some(row.value.last_heartbeat.to_string());
    noted(answer, Note { message: "Heartbeat received", last_heartbeat, ..Note::default() })
}

/// Mark a session as failed
///
/// Its in-progress tasks fail with it. One that has failed already is left as it is.
#[utoipa::path(
    post, path = "/api/sessions/{id}/mark-failed", tag = "sessions", operation_id = "markSessionFailed",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    request_body = MarkFailed,
    responses(
        (status = 200, description = "The session", body = Session),
        (status = 400, description = "Bad fields, or `invalid_transition`: it is completed"),
    ),
)]
pub async fn mark_failed(context: Data<Context>, id: PathId<SessionId>, body: Body) -> Answer {
    let (message, metadata) = parse::mark_failed(&body)?;
    let row =
        context.run("mark_failed", |tracker| async move { tracker.mark_failed(id.0, message, metadata).await }).await?;
    noted(shown(&row), changed(&row.value))
}

/// Mark a session as stalled
///
/// From active or paused. One that is stalled already is left as it is.
#[utoipa::path(
    post, path = "/api/sessions/{id}/mark-stalled", tag = "sessions", operation_id = "markSessionStalled",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    responses(
        (status = 200, description = "The session", body = Session),
        (status = 400, description = "`invalid_transition`: it has ended"),
    ),
)]
pub async fn mark_stalled(context: Data<Context>, id: PathId<SessionId>, body: Body) -> Answer {
    parse::nothing(&body)?;
    let row = context.run("mark_stalled", |tracker| async move { tracker.mark_stalled(id.0).await }).await?;
    noted(shown(&row), changed(&row.value))
}

/// Archive a session
///
/// An archived session is beyond the reach of retention. Completed or failed ones only; again: unchanged.
#[utoipa::path(
    post, path = "/api/sessions/{id}/archive", tag = "sessions", operation_id = "archiveSession",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    responses(
        (status = 200, description = "The session", body = Session),
        (status = 400, description = "`invalid_transition`: it has not ended"),
    ),
)]
pub async fn archive(context: Data<Context>, id: PathId<SessionId>, body: Body) -> Answer {
    parse::nothing(&body)?;
    let row = context.run("archive", |tracker| async move { tracker.archive(id.0).await }).await?;
    noted(shown(&row), note("Session archived", &row.value))
}

/// Look for silent sessions now
///
/// The same pass that runs by itself: marks active sessions past their deadline as stalled.
#[utoipa::path(
    post, path = "/api/sessions/detect-failures", tag = "administration", operation_id = "detectFailures",
    responses((status = 200, description = "What the pass did", body = DetectReport)),
)]
pub async fn detect_failures(context: Data<Context>, body: Body) -> Answer {
    parse::nothing(&body)?;
    let began = Instant::now();
    let pass = context.run("detect", |tracker| async move { tracker.detect().await }).await?;
    let duration = began.elapsed();
    crate::jobs::log_pass(&pass, duration);
    let stalled_sessions = pass.stalled.len() as u64;
    let duration_ms = time_ms(duration);
    let report = DetectReport { stalled_sessions, checked_at: pass.checked_at.into(), duration_ms };
    let alarming = if pass.stalled.is_empty() { Alarm::No } else { Alarm::Yes };
    let sessions_affected = Some(stalled_sessions);
    let note = Note { message: "Detection asked for", alarming, sessions_affected, ..Note::default() };
    noted(json(StatusCode::OK, &report), note)
}

/// Delete old sessions now
///
/// The same pass that runs once a day: deletes the ended sessions of that age with their tasks; archived ones stay.
#[utoipa::path(
    post, path = "/api/sessions/cleanup", tag = "administration", operation_id = "cleanUpSessions",
    params(CleanupQuery),
    responses(
        (status = 200, description = "What was deleted, or would be", body = CleanupReport),
        (status = 400, description = "Bad parameters"),
    ),
)]
pub async fn cleanup(context: Data<Context>, req: HttpRequest, body: Body) -> Answer {
    parse::nothing(&body)?;
    clean_up(&context, &req).await
}

/// Delete old sessions now
///
/// The same as POST.
#[utoipa::path(
    delete, path = "/api/sessions/cleanup", tag = "administration", operation_id = "deleteOldSessions",
    params(CleanupQuery),
    responses(
        (status = 200, description = "What was deleted, or would be", body = CleanupReport),
        (status = 400, description = "Bad parameters"),
    ),
)]
pub async fn delete_old(context: Data<Context>, req: HttpRequest) -> Answer {
    clean_up(&context, &req).await
}

async fn clean_up(context: &Context, req: &HttpRequest) -> Answer {
    let (days, mode) = parse::cleanup(Params::of(req))?;
    let clean = |tracker: rekindle_core::Tracker| async move {
        tracker.cleanup(days, mode, &mut crate::jobs::log_deleted).await
    };
    let report = context.run("cleanup", clean).await?;
    let message = if mode == CleanupMode::DryRun { "Cleanup tried" } else { "Cleanup asked for" };
    let note = Note { message, sessions_affected: Some(report.deleted_sessions), ..Note::default() };
    noted(json(StatusCode::OK, &CleanupReport::from(report)), note)
}
