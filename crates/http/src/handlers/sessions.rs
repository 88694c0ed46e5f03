//! Sessions: create, read, list, change, delete, and show their health.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use rekindle_core::store::SessionFilter;
use rekindle_core::{Session, SessionId, SessionStatus, Tracker, Versioned};

use crate::error::ApiError;
use crate::extract::RequestContext;
use crate::extract::{self, Body, Params, PathId, Precondition, RequestedPage};
use crate::response::{HandlerResult, LogFields, LogLevelHint, created, entity, json, no_content, with_log};
use rekindle_api::{
    ArchivedQuery, CreateSession, HealthSummary, Paging, PatchSession, Session as Shown, SessionHealth, SessionList,
    SessionQuery, StalledQuery, StalledReport,
};

/// Record a session
///
/// It is active from now on. One session at a time may be active for a project on a machine.
#[utoipa::path(
    post, path = "/api/sessions", tag = "sessions", operation_id = "createSession",
    request_body = CreateSession,
    responses(
        (status = 201, description = "The session", body = Shown),
        (status = 400, description = "Bad fields, or a slot that the machine does not have"),
        (status = 409, description = "`session_conflict`: one is active there already. `slot_conflict`: the slot is \
            taken. `machine_unavailable`: the machine is in maintenance"),
    ),
)]
pub(crate) async fn create(caller: RequestContext, body: Body) -> HandlerResult {
    let new = extract::new_session(&body)?;
    let show = |row: &Versioned<Session>| {
        let location = format!("/api/sessions/{}", row.value.id);
        let answer = created(&location, row.version, &Shown::from(row));
        with_log(answer, log_fields("Session created", &row.value))
    };
    caller.respond("create_session", &body, |tracker| async move { tracker.sessions().create(new).await }, show).await
}

/// Returns the fields of the log line for a session.
pub(super) fn log_fields(message: &'static str, session: &Session) -> LogFields {
    LogFields {
        message,
        session_id: Some(session.id.to_string()),
        project_id: Some(session.project_id.to_string()),
        machine_id: Some(session.machine_id.to_string()),
        ..LogFields::default()
    }
}

/// List sessions
///
/// Newest first. Archived ones are among them unless `archived=false`.
#[utoipa::path(
    get, path = "/api/sessions", tag = "sessions", operation_id = "listSessions", params(SessionQuery, Paging),
    responses(
        (status = 200, description = "A page", body = SessionList),
        (status = 400, description = "Bad parameters"),
    ),
)]
pub(crate) async fn list(caller: RequestContext, req: HttpRequest) -> HandlerResult {
    let (filter, requested) = extract::session_filter(Params::of(&req))?;
    page(&caller, filter, requested).await
}

/// List archived sessions
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/sessions/archived", tag = "sessions", operation_id = "listArchivedSessions",
    params(ArchivedQuery, Paging),
    responses(
        (status = 200, description = "A page", body = SessionList),
        (status = 400, description = "Bad parameters"),
    ),
)]
pub(crate) async fn archived(caller: RequestContext, req: HttpRequest) -> HandlerResult {
    let (filter, requested) = extract::archived_page(Params::of(&req))?;
    page(&caller, filter, requested).await
}

async fn page(caller: &RequestContext, filter: SessionFilter, requested: RequestedPage) -> HandlerResult {
    let list = |tracker: Tracker| async move { tracker.sessions().list(&filter, requested.request).await };
    super::list::list(&caller.run("sessions", list).await?, requested, |row| Shown::from(row))
}

/// Show a session
#[utoipa::path(
    get, path = "/api/sessions/{id}", tag = "sessions", operation_id = "getSession",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    responses((status = 200, description = "The session", body = Shown)),
)]
pub(crate) async fn show(caller: RequestContext, id: PathId<SessionId>) -> HandlerResult {
    let row = caller.run("session", |tracker| async move { tracker.sessions().get(id.0).await }).await?;
    shown(&row)
}

/// Returns the response that shows a session.
pub(super) fn shown(row: &Versioned<Session>) -> HandlerResult {
    entity(StatusCode::OK, row.version, &Shown::from(row))
}

/// Change a session
///
/// What is absent stays. A change to active counts as a sign of life. A repeat changes nothing, and neither does `{}`.
#[utoipa::path(
    patch, path = "/api/sessions/{id}", tag = "sessions", operation_id = "updateSession",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    request_body = PatchSession,
    responses(
        (status = 200, description = "The session", body = Shown),
        (status = 400, description = "Bad fields, or `invalid_transition`"),
        (status = 409, description = "`session_conflict`: another is active there. `session_ended`: only its metadata \
            may change"),
    ),
)]
pub(crate) async fn update(
    caller: RequestContext,
    id: PathId<SessionId>,
    when: Precondition,
    body: Body,
) -> HandlerResult {
    let patch = extract::patch_session(&body, when.0)?;
    let asked = patch.status.is_some();
    let row =
        caller.run("update_session", |tracker| async move { tracker.sessions().update(id.0, &patch).await }).await?;
    let fields = if asked { changed(&row.value) } else { log_fields("Session updated", &row.value) };
    with_log(shown(&row), fields)
}

/// Returns the fields of the log line for a change of a session's status.
pub(super) fn changed(session: &Session) -> LogFields {
    let (message, alarming) = match session.status() {
        SessionStatus::Active => ("Session active", LogLevelHint::No),
        SessionStatus::Paused => ("Session paused", LogLevelHint::No),
        SessionStatus::Stalled => ("Session marked stalled", LogLevelHint::Yes),
        SessionStatus::Completed => ("Session completed", LogLevelHint::No),
        SessionStatus::Failed => ("Session marked failed", LogLevelHint::No),
    };
    let error_message = session.error_message().map(ToString::to_string);
    LogFields { alarming, error_message, ..log_fields(message, session) }
}

/// Delete a session
///
/// Its tasks go with it.
#[utoipa::path(
    delete, path = "/api/sessions/{id}", tag = "sessions", operation_id = "deleteSession",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn delete(caller: RequestContext, id: PathId<SessionId>, when: Precondition) -> HandlerResult {
    caller
        .run("delete_session", |tracker| async move { tracker.sessions().delete(id.0, when.0.as_ref()).await })
        .await?;
    with_log(no_content(), LogFields { message: "Session deleted", ..LogFields::default() })
}

/// Count sessions by status
#[utoipa::path(
    get, path = "/api/sessions/health", tag = "session health", operation_id = "getHealthSummary",
    responses((status = 200, description = "The counts", body = HealthSummary)),
)]
pub(crate) async fn summary(caller: RequestContext) -> Result<HttpResponse, ApiError> {
    let counts = caller.run("counts", |tracker| async move { tracker.sessions().counts().await }).await?;
    json(StatusCode::OK, &HealthSummary::from(counts))
}

/// List silent sessions
///
/// Stalled ones, and active ones past their deadline that no detection pass has met yet; longest silent first.
#[utoipa::path(
    get, path = "/api/sessions/stalled", tag = "session health", operation_id = "listStalledSessions",
    params(StalledQuery),
    responses(
        (status = 200, description = "The silent sessions", body = StalledReport),
        (status = 400, description = "A bad parameter"),
    ),
)]
pub(crate) async fn stalled(caller: RequestContext, req: HttpRequest) -> HandlerResult {
    let limit = extract::stalled_limit(Params::of(&req))?;
    let report = caller.run("stalled", move |tracker| async move { tracker.sessions().stalled(limit).await }).await?;
    json(StatusCode::OK, &StalledReport::from(&report))
}

/// Show a session's health
///
/// Only an active session in time is healthy; paused and ended ones are neither healthy nor stalled.
#[utoipa::path(
    get, path = "/api/sessions/{id}/health", tag = "session health", operation_id = "getSessionHealth",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    responses((status = 200, description = "Its health", body = SessionHealth)),
)]
pub(crate) async fn health(caller: RequestContext, id: PathId<SessionId>) -> HandlerResult {
    let health = caller.run("session_health", |tracker| async move { tracker.sessions().health(id.0).await }).await?;
    json(StatusCode::OK, &SessionHealth::from(&health))
}
