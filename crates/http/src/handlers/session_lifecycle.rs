//! The lifecycle of sessions: heartbeats, failing, stalling and archiving, and the detection and retention passes.

use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use rekindle_core::use_cases::{CleanupMode, DetectionReport};
use rekindle_core::{SessionId, Tracker, Versioned};
use tracing::{Level, enabled};

use super::sessions::{changed, log_fields, shown};
use crate::extract::RequestContext;
use crate::extract::{self, Body, Params, PathId};
use crate::response::{HandlerResult, LogFields, LogLevelHint, entity, json, with_log};
use rekindle_api::{
    CleanupQuery, CleanupReport, DetectReport, HeartbeatBody, HeartbeatResponse, MarkFailed, Session, duration_millis,
};

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
pub(crate) async fn heartbeat(caller: RequestContext, id: PathId<SessionId>, body: Body) -> HandlerResult {
    let report = extract::beat(&body)?;
    let next_heartbeat_ms = duration_millis(caller.state().tracker.policy().next_heartbeat());
    let show = move |row: &Versioned<rekindle_core::Session>| {
        let body = HeartbeatResponse { session: Session::from(row), next_heartbeat_ms };
        let answer = entity(StatusCode::OK, row.version, &body);
        if !enabled!(Level::DEBUG) {
            return answer;
        }
        let last_heartbeat = Some(row.value.last_heartbeat.to_string());
        with_log(answer, LogFields { message: "Heartbeat received", last_heartbeat, ..LogFields::default() })
    };
    caller
        .respond("beat", &body, |tracker| async move { tracker.sessions().record_heartbeat(id.0, &report).await }, show)
        .await
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
pub(crate) async fn mark_failed(caller: RequestContext, id: PathId<SessionId>, body: Body) -> HandlerResult {
    let (message, metadata) = extract::mark_failed(&body)?;
    let fail = |tracker: Tracker| async move { tracker.sessions().mark_failed(id.0, message, metadata).await };
    caller.respond("mark_failed", &body, fail, shown_changed).await
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
pub(crate) async fn mark_stalled(caller: RequestContext, id: PathId<SessionId>, body: Body) -> HandlerResult {
    extract::empty_body(&body)?;
    let stall = |tracker: Tracker| async move { tracker.sessions().mark_stalled(id.0).await };
    caller.respond("mark_stalled", &body, stall, shown_changed).await
}

fn shown_changed(row: &Versioned<rekindle_core::Session>) -> HandlerResult {
    with_log(shown(row), changed(&row.value))
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
pub(crate) async fn archive(caller: RequestContext, id: PathId<SessionId>, body: Body) -> HandlerResult {
    extract::empty_body(&body)?;
    let show =
        |row: &Versioned<rekindle_core::Session>| with_log(shown(row), log_fields("Session archived", &row.value));
    caller.respond("archive", &body, |tracker| async move { tracker.sessions().archive(id.0).await }, show).await
}

/// Look for silent sessions now
///
/// The same pass that runs by itself: marks active sessions past their deadline as stalled.
#[utoipa::path(
    post, path = "/api/sessions/detect-failures", tag = "administration", operation_id = "detectFailures",
    responses((status = 200, description = "What the pass did", body = DetectReport)),
)]
pub(crate) async fn detect_failures(caller: RequestContext, body: Body) -> HandlerResult {
    extract::empty_body(&body)?;
    let began = Instant::now();
    let show = |pass: &DetectionReport| {
        caller.state().handles.metrics.detected(pass);
        report(pass, began.elapsed())
    };
    caller.respond_after("detect", &body, |tracker| async move { tracker.detect().await }, show).await
}

fn report(pass: &DetectionReport, duration: Duration) -> HandlerResult {
    rekindle_telemetry::log_pass(pass, duration);
    let stalled_sessions = pass.stalled.len() as u64;
    let duration_ms = duration_millis(duration);
    let report = DetectReport { stalled_sessions, checked_at: pass.checked_at.into(), duration_ms };
    let alarming = if pass.stalled.is_empty() { LogLevelHint::No } else { LogLevelHint::Yes };
    let sessions_affected = Some(stalled_sessions);
    let fields = LogFields { message: "Detection asked for", alarming, sessions_affected, ..LogFields::default() };
    with_log(json(StatusCode::OK, &report), fields)
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
pub(crate) async fn cleanup(caller: RequestContext, req: HttpRequest, body: Body) -> HandlerResult {
    extract::empty_body(&body)?;
    clean_up(&caller, &req, &body).await
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
pub(crate) async fn delete_old(caller: RequestContext, req: HttpRequest) -> HandlerResult {
    clean_up(&caller, &req, &Body::default()).await
}

async fn clean_up(caller: &RequestContext, req: &HttpRequest, body: &Body) -> HandlerResult {
    let (days, mode) = extract::cleanup(Params::of(req))?;
    let clean =
        |tracker: Tracker| async move { tracker.cleanup(days, mode, &mut rekindle_telemetry::log_deleted).await };
    let show = |report: &rekindle_core::use_cases::CleanupReport| {
        let message = if mode == CleanupMode::DryRun { "Cleanup tried" } else { "Cleanup asked for" };
        let fields = LogFields { message, sessions_affected: Some(report.deleted_sessions), ..LogFields::default() };
        with_log(json(StatusCode::OK, &CleanupReport::from(*report)), fields)
    };
    caller.respond_after("cleanup", body, clean, show).await
}
