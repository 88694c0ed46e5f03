//! API keys: create, list, rotate, revoke. Only the response to creation or rotation contains the secret.

use actix_web::http::StatusCode;
use rekindle_core::domain::api_key as core;
use rekindle_core::use_cases::Rotated;
use rekindle_core::{Ids, KeyId, RandomIds, Timestamp, Tracker, Versioned};
use uuid::Uuid;

use crate::auth::key_cache::hash as secret_hash;
use crate::extract::RequestContext;
use crate::extract::{self, Body, PathId};
use crate::response::{HandlerResult, LogFields, created, entity, json, with_log};
use rekindle_api::{ApiKey, ApiKeyList, CreateApiKey, NewApiKey, RotateApiKey};

/// Hand out an API key
///
/// Good at once in this process, and within two seconds in others that share the store. The secret is in this answer only.
#[utoipa::path(
    post, path = "/api/keys", tag = "access", operation_id = "createApiKey",
    request_body = CreateApiKey,
    responses((status = 201, description = "The key and its secret", body = NewApiKey)),
)]
pub(crate) async fn create(caller: RequestContext, body: Body) -> HandlerResult {
    let secret = RandomIds.new_id();
    let new = extract::new_key(&body, secret_hash(secret))?;
    let now = caller.state().tracker.now();
    let show = move |secret| move |row: &Versioned<core::ApiKey>| shown_new(row, secret, now);
    let create = |tracker: Tracker| async move { tracker.api_keys().create(new).await };
    let answer = caller.respond_redacted("create_key", &body, create, show(Some(secret)), show(None)).await;
    fresh(&caller).await;
    answer
}

fn shown_new(row: &Versioned<core::ApiKey>, secret: Option<Uuid>, now: Timestamp) -> HandlerResult {
    let location = format!("/api/keys/{}", row.value.id);
    let answer = created(&location, row.version, &NewApiKey { key: ApiKey::at(row, now), secret });
    with_log(answer, log_fields("API key created"))
}

fn log_fields(message: &'static str) -> LogFields {
    LogFields { message, ..LogFields::default() }
}

/// Refreshes the keys of this process at once; other processes read the change in their next round.
async fn fresh(caller: &RequestContext) {
    if let Err(error) = caller.state().refresh_keys().await {
        tracing::debug!(cause = %error, "The API keys could not be read; the next round will");
    }
}

/// List API keys
///
/// Newest first, also those that are expired or revoked. Those of the setting `API_KEYS` are not among them.
#[utoipa::path(
    get, path = "/api/keys", tag = "access", operation_id = "listApiKeys",
    responses((status = 200, description = "The keys, without their secrets", body = ApiKeyList)),
)]
pub(crate) async fn list(caller: RequestContext) -> HandlerResult {
    let rows = caller.run("keys", |tracker| async move { tracker.api_keys().list().await }).await?;
    let now = caller.state().tracker.now();
    let keys: Vec<_> = rows.iter().map(|row| ApiKey::at(row, now)).collect();
    let total = keys.len() as u64;
    json(StatusCode::OK, &ApiKeyList { keys, total })
}

/// Replace an API key
///
/// A new key with the same name, role and project; the old one stays valid for a while, so that no client is locked
/// out.
#[utoipa::path(
    post, path = "/api/keys/{id}/rotate", tag = "access", operation_id = "rotateApiKey",
    params(("id" = Uuid, Path, description = "The key to be replaced")),
    request_body = RotateApiKey,
    responses(
        (status = 201, description = "The new key and its secret", body = NewApiKey),
        (status = 409, description = "`key_conflict`: it is revoked, expired, or has been replaced"),
    ),
)]
pub(crate) async fn rotate(caller: RequestContext, id: PathId<KeyId>, body: Body) -> HandlerResult {
    let (lasts, overlap) = extract::rotate_key(&body)?;
    let secret = RandomIds.new_id();
    let now = caller.state().tracker.now();
    let show = move |secret| move |rotated: &Rotated| shown_new(&rotated.new, secret, now);
    let rotate =
        |tracker: Tracker| async move { tracker.api_keys().rotate(id.0, secret_hash(secret), lasts, overlap).await };
    let answer = caller.respond_redacted("rotate_key", &body, rotate, show(Some(secret)), show(None)).await;
    fresh(&caller).await;
    answer
}

/// Take an API key away
///
/// It is let in no more, within two seconds everywhere; again: unchanged. It stays in the list.
#[utoipa::path(
    post, path = "/api/keys/{id}/revoke", tag = "access", operation_id = "revokeApiKey",
    params(("id" = Uuid, Path, description = "The key")),
    responses((status = 200, description = "The key", body = ApiKey)),
)]
pub(crate) async fn revoke(caller: RequestContext, id: PathId<KeyId>, body: Body) -> HandlerResult {
    extract::empty_body(&body)?;
    let now = caller.state().tracker.now();
    let revoked = move |row: &Versioned<core::ApiKey>| {
        with_log(entity(StatusCode::OK, row.version, &ApiKey::at(row, now)), log_fields("API key revoked"))
    };
    let answer =
        caller.respond("revoke_key", &body, |tracker| async move { tracker.api_keys().revoke(id.0).await }, revoked);
    let answer = answer.await;
    fresh(&caller).await;
    answer
}
