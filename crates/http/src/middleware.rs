//! The entry of every request, as one middleware: assigns an id, authenticates, applies the rate limits and the time
//! limit, catches panics, turns every error into the common envelope, and writes the log line.

mod access_log;
pub(crate) mod count_requests;
mod error_response;
mod request_info;
pub(crate) mod require_access;
mod security_headers;
mod trace;

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use rekindle_listener::{InFlightGuard, is_secure, new_request_id};
use rekindle_telemetry::metrics::RateClass;
use rekindle_telemetry::{catch_panic, panic_message};
use tokio::sync::OwnedSemaphorePermit;

use self::error_response::{AbortedRequest, error_response, of_framework};
use self::request_info::{RequestInfo, is_docs};
use self::trace::RequestTrace;
use crate::auth::context::AuthContext;
use crate::cors;
use crate::denied_log::DeniedRequest;
use crate::error::ApiError;
use crate::rate_limit;
use crate::response::RawBody;
use crate::state::AppState;

/// Handles a request: the middleware around all endpoints of the API.
pub(crate) async fn handle_request(
    state: Arc<AppState>,
    req: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    state.spawn_upkeep();
    let info = RequestInfo {
        id: new_request_id(),
        started: Instant::now(),
        method: req.method().clone(),
        uri: req.uri().clone(),
        session: access_log::session_of(&req),
        origin: state.limits.allowed_origins.decide(req.headers()),
        rate_limit: None,
        is_secure: is_secure(&req),
        draining: state.admission.draining(),
    };
    let trace = RequestTrace::of(&req, info.id);
    let in_flight = InFlightGuard::with(&req);
    trace.follow(Box::pin(respond(state, req, next, info, in_flight))).await
}

/// Checks a request, runs it within the time limit, and completes its response.
async fn respond(
    state: Arc<AppState>,
    req: ServiceRequest,
    next: Next<BoxBody>,
    mut info: RequestInfo,
    _in_flight: Option<InFlightGuard>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if cors::is_preflight(req.method(), req.headers()) {
        let response = match info.origin.preflight() {
            Ok(response) => req.into_response(response),
            Err(error) => req.error_response(error),
        };
        return Ok(finish(response, &info));
    }
    let _permit = match authorize(&state, &req, &mut info) {
        Ok(permit) => permit,
        Err(error) => {
            if error.status == StatusCode::UNAUTHORIZED {
                let key = state.api_keys.known_id(req.headers());
                state.denied_log.push(DeniedRequest::unauthenticated(info.id, key, &req, &error));
            }
            access_log::log_refusal(&info, &req, &error);
            let response = error_response(&error, &info);
            return Ok(req.into_response(response));
        }
    };
    let limit = state.limits.request_timeout;
    match tokio::time::timeout(limit, catch_panic(next.call(req))).await {
        Ok(Ok(Ok(response))) => Ok(finish(response, &info)),
        // The service consumed the request, so the error carries what the response needs.
        Ok(Ok(Err(error))) => Err(aborted(info, of_framework(&error))),
        Ok(Err(panic)) => Err(aborted(info, ApiError::internal(panic_message(panic.as_ref())))),
        Err(_) => {
            let message = format!("the request took longer than {} ms; what it began goes on", limit.as_millis());
            Err(aborted(info, ApiError::timeout(message)))
        }
    }
}

/// Checks the key, the rate limit and the number of concurrent requests. Public paths need neither key nor permit, so
/// that an overloaded service is not mistaken for a dead one.
fn authorize(
    state: &AppState,
    req: &ServiceRequest,
    info: &mut RequestInfo,
) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
    if is_public(req.method(), req.path()) {
        return Ok(None);
    }
    let (limiter, metrics, now) = (&state.rate_limiter, &state.handles.metrics, state.tracker.now());
    let identity = match state.api_keys.identify(req.headers(), now) {
        Ok(identity) => identity,
        Err(error) if error.status != StatusCode::UNAUTHORIZED => return Err(error),
        // Wrong keys from an address do not affect a valid key from there.
        Err(error) => {
            metrics.auth_failed(error.code.as_str());
            let counted = limiter.count_auth_failure(req.peer_addr().map(|peer| peer.ip()), now);
            counted.inspect_err(|_| metrics.rate_limited(RateClass::AuthFailures))?;
            return Err(error);
        }
    };
    if state.admission.is_draining() {
        return Err(ApiError::draining());
    }
    let is_heartbeat = *req.method() == Method::POST && rate_limit::is_heartbeat(req.path());
    match limiter.count_request(identity.id.0, is_heartbeat, now) {
        Ok(status) => info.rate_limit = status,
        Err((error, status)) => {
            metrics.rate_limited(if is_heartbeat { RateClass::Heartbeats } else { RateClass::Requests });
            info.rate_limit = Some(status);
            return Err(error);
        }
    }
    let address = req.peer_addr().map(|peer| peer.ip());
    req.extensions_mut().insert(AuthContext { identity, address, request_id: info.id });
    if is_monitoring(req.path()) { Ok(None) } else { state.admission.admit().map(Some) }
}

/// Whether a path is public. It is compared as sent: another spelling of a public path is not public.
fn is_public(method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
        && (matches!(path, "/health" | "/healthz" | "/ready" | "/readyz") || is_docs(path))
}

/// Whether a path serves monitoring. It needs no permit, because an overloaded service must stay observable.
fn is_monitoring(path: &str) -> bool {
    matches!(path, "/health/detailed" | "/metrics")
}

/// Completes a response: the envelope of an error, the headers, and the log line.
fn finish(mut response: ServiceResponse, info: &RequestInfo) -> ServiceResponse {
    let error = match response.response().error() {
        Some(error) => Some(of_framework(error)),
        None if response.response().extensions().contains::<RawBody>() => None,
        None if response.status().is_client_error() || response.status().is_server_error() => {
            Some(ApiError::of_framework(response.status()))
        }
        None => None,
    };
    access_log::log_response(info, &mut response, error.as_ref());
    match error {
        Some(error) => {
            let rendered = error_response(&error, info);
            response.into_response(rendered)
        }
        None => {
            security_headers::add(response.response_mut(), info);
            response
        }
    }
}

/// Returns the error of an aborted request, and logs it.
fn aborted(info: RequestInfo, error: ApiError) -> Error {
    access_log::log_aborted(&info, &error);
    AbortedRequest { error, info }.into()
}
