//! The audit trail.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;

use crate::extract::RequestContext;
use crate::extract::{self, Params, TrailQuery};
use crate::response::{HandlerResult, json};
use rekindle_api::{AuditEvent, AuditQuery, AuditTrail};

/// Read the audit trail
///
/// Who did what, when and from where, and who was refused; the latest first. A session's events go when it is deleted,
/// all others after `RETENTION_DAYS`. Heartbeats are not in it.
#[utoipa::path(
    get, path = "/api/audit", tag = "access", operation_id = "readAuditTrail", params(AuditQuery),
    responses(
        (status = 200, description = "A part of it", body = AuditTrail),
        (status = 400, description = "Bad parameters"),
    ),
)]
pub(crate) async fn trail(caller: RequestContext, req: HttpRequest) -> HandlerResult {
    let TrailQuery { filter, before, limit } = extract::trail(Params::of(&req))?;
    let found =
        caller.run("trail", move |tracker| async move { tracker.audit_log(&filter, before.as_ref(), limit).await });
    let found = found.await?;
    let more = found.len() >= limit as usize;
    let last = found.last().filter(|_| more);
    let next_cursor = last.map(|recorded| extract::cursor(&recorded.position));
    json(StatusCode::OK, &AuditTrail { events: found.iter().map(AuditEvent::from).collect(), limit, next_cursor })
}
