//! Health and readiness of the service.

use actix_web::http::StatusCode;
use actix_web::web::Data;

use crate::error::ApiError;
use crate::response::{HandlerResult, RawBody, json};
use crate::state::AppState;
use rekindle_api::{DetailedHealth, Health, HealthStatus, Object, Ready};

/// Whether the process answers
#[utoipa::path(
    get, path = "/health", tag = "service", operation_id = "getHealth",
    responses((status = 200, description = "It does", body = Health)),
)]
pub(crate) async fn health(state: Data<AppState>) -> HandlerResult {
    let timestamp = state.tracker.now().into();
    json(StatusCode::OK, &Health { status: "ok".to_owned(), timestamp, uptime: uptime(&state) })
}

/// Returns the uptime in seconds, with milliseconds.
fn uptime(state: &AppState) -> f64 {
    let millis = u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    #[expect(clippy::cast_precision_loss, reason = "exact for the next 285,000 years")]
    let seconds = millis as f64 / 1000.0;
    seconds
}

/// The service's health in detail
///
/// The checks are made at once. Of several processes on one store one runs the background jobs; the others go by what it
/// noted in the store.
#[utoipa::path(
    get, path = "/health/detailed", tag = "service", operation_id = "getDetailedHealth",
    responses(
        (status = 200, description = "`ok` or `degraded`", body = DetailedHealth),
        (status = 503, description = "`error`", body = DetailedHealth),
    ),
)]
pub(crate) async fn detailed(state: Data<AppState>) -> HandlerResult {
    let (status, found) = state.health.run().await;
    let dependencies: Object = found.into_iter().map(|(name, found)| (name.to_owned(), found.shown.into())).collect();
    let code = if status == HealthStatus::Error { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let (timestamp, uptime) = (state.tracker.now().into(), uptime(&state));
    let (version, environment) = (env!("CARGO_PKG_VERSION").to_owned(), state.handles.environment.clone());
    let body = DetailedHealth { status, timestamp, uptime, dependencies, version, environment };
    let mut response = json(code, &body)?;
    response.extensions_mut().insert(RawBody);
    Ok(response)
}

/// Whether the service can do its work
///
/// Not while it is shutting down, nor while its store is out of reach. The store's answer is valid for a second.
#[utoipa::path(
    get, path = "/ready", tag = "service", operation_id = "getReadiness",
    responses(
        (status = 200, description = "It can", body = Ready),
        (status = 503, description = "`draining`, or `store_unavailable`"),
    ),
)]
pub(crate) async fn ready(state: Data<AppState>) -> HandlerResult {
    if state.admission.is_draining() {
        return Err(ApiError::draining());
    }
    state.readiness.check(state.tracker.store().as_ref()).await?;
    json(StatusCode::OK, &Ready { status: "ready".to_owned() })
}
