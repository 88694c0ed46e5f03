//! Recovery: show the recovery state of a session, prepare its recovery, and recover it exactly once.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use rekindle_core::use_cases::Recovered;
use rekindle_core::{SessionId, Tracker, Versioned};

use super::sessions::{log_fields, shown};
use crate::extract::RequestContext;
use crate::extract::{self, Body, PathId};
use crate::response::{HandlerResult, LogFields, REPLAYED, created, entity, json, with_log};
use rekindle_api::{PrepareRecovery, Recover, RecoveryState, Session};

/// Show what a session had done, and what is left
#[utoipa::path(
    get, path = "/api/sessions/{id}/recovery-state", tag = "recovery", operation_id = "getRecoveryState",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    responses((status = 200, description = "What it had done, and what is left", body = RecoveryState)),
)]
pub(crate) async fn state(caller: RequestContext, id: PathId<SessionId>) -> HandlerResult {
    let state =
        caller.run("recovery_state", |tracker| async move { tracker.sessions().recovery_state(id.0).await }).await?;
    json(StatusCode::OK, &RecoveryState::from(&state))
}

/// Prepare a recovery
///
/// Records that the recovery of a failed or stalled session has begun; a repetition keeps the first time. With
/// `release_slot` its slot is free for others.
#[utoipa::path(
    post, path = "/api/sessions/{id}/prepare-recovery", tag = "recovery", operation_id = "prepareRecovery",
    params(("id" = uuid::Uuid, Path, description = "The session")),
    request_body = PrepareRecovery,
    responses(
        (status = 200, description = "The session, with `metadata.recovery.prepared_at`", body = Session),
        (status = 400, description = "Bad fields, or `invalid_transition`: it is neither failed nor stalled"),
    ),
)]
pub(crate) async fn prepare(caller: RequestContext, id: PathId<SessionId>, body: Body) -> HandlerResult {
    let slot = extract::prepare_recovery(&body)?;
    let prepared =
        |row: &Versioned<rekindle_core::Session>| with_log(shown(row), log_fields("Recovery prepared", &row.value));
    let prepare = |tracker: Tracker| async move { tracker.sessions().prepare_recovery(id.0, slot).await };
    caller.respond("prepare_recovery", &body, prepare, prepared).await
}

/// Recover a session
///
/// Continues a failed or stalled session in a new one that takes over its unfinished work. It happens once: a
/// repetition, also with another target, returns the same successor.
#[utoipa::path(
    post, path = "/api/sessions/{id}/recover", tag = "recovery", operation_id = "recoverSession",
    params(("id" = uuid::Uuid, Path, description = "The session to bring back")),
    request_body = Recover,
    responses(
        (status = 200, description = "It had been recovered before: its successor", body = Session,
            headers(("Idempotent-Replayed" = String, description = "`true`"))),
        (status = 201, description = "The successor", body = Session),
        (status = 400, description = "Bad fields, a slot that the machine does not have, or `invalid_transition`: it \
            is neither failed nor stalled"),
        (status = 409, description = "`machine_unavailable`: the target is offline or in maintenance. \
            `session_conflict`, `slot_conflict`: the place is taken"),
    ),
)]
pub(crate) async fn recover(caller: RequestContext, id: PathId<SessionId>, body: Body) -> HandlerResult {
    let original = id.0;
    let recovery = extract::recover(&body)?;
    let metrics = caller.state().handles.metrics.clone();
    let recover = |tracker: Tracker| async move {
        let outcome = tracker.sessions().recover(original, &recovery).await;
        metrics.recovery(&outcome);
        outcome
    };
    caller.respond("recover", &body, recover, move |recovered| successor(original, recovered)).await
}

fn successor(original: SessionId, recovered: &Recovered) -> HandlerResult {
    let said = |message, row: &Versioned<rekindle_core::Session>| LogFields {
        session_id: Some(original.to_string()),
        original_session_id: Some(original.to_string()),
        new_session_id: Some(row.value.id.to_string()),
        ..log_fields(message, &row.value)
    };
    match recovered {
        Recovered::Created(row) => {
            let location = format!("/api/sessions/{}", row.value.id);
            let answer = created(&location, row.version, &Session::from(row));
            with_log(answer, said("Recovery session created", row))
        }
        Recovered::AlreadyRecovered(row) => {
            let mut response = entity(StatusCode::OK, row.version, &Session::from(row))?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            with_log(Ok(response), said("Recovery had happened before", row))
        }
    }
}
