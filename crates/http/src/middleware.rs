//! The entry of every request, as one middleware: assigns an id, authenticates, applies the rate limits and the time
//! limit, catches panics, turns every error into the common envelope, and writes the log line.

mod access_log;
pub(crate) mod count_requests;
mod error_response;
mod request_info;
pub(crate) mod require_access;
mod security_headers;
mod trace;

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
use crate::denied_log::Refused;
use crate::error::ApiError;
use crate::rate_limit;
use crate::response::RawBody;
use crate::state::AppState;

/// Handles a request: the middleware around all endpoints of the API.
pub(crate) async fn handle_request(
    state: AppState,
    req: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    state.spawn_upkeep();
    let arrival = RequestInfo {
        id: new_request_id(),
        at: Instant::now(),
        method: req.method().clone(),
        uri: req.uri().clone(),
        session: access_log::session_of(&req),
        crossing: state.allowed_origins().of(req.headers()),
        standing: None,
        secure: is_secure(&req),
        draining: state.draining(),
    };
    let trace = RequestTrace::of(&req, arrival.id);
    let busy = InFlightGuard::with(&req);
    trace.follow(Box::pin(answer(state, req, next, arrival, busy))).await
}

async fn answer(
    state: AppState,
    req: ServiceRequest,
    next: Next<BoxBody>,
    mut arrival: RequestInfo,
    _busy: Option<InFlightGuard>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if cors::is_preflight(req.method(), req.headers()) {
        let response = match arrival.crossing.preflight() {
            Ok(response) => req.into_response(response),
            Err(error) => req.error_response(error),
        };
        return Ok(finish(response, &arrival));
    }
    let _place = match authorize(&state, &req, &mut arrival) {
        Ok(place) => place,
        Err(error) => {
            if error.status == StatusCode::UNAUTHORIZED {
                let key = state.keys().known(req.headers());
                state.denied_log().note(Refused::not_let_in(arrival.id, key, &req, &error));
            }
            access_log::refused(&arrival, &req, &error);
            let response = error_response(&error, &arrival);
            return Ok(req.into_response(response));
        }
    };
    let limit = state.request_timeout();
    match tokio::time::timeout(limit, catch_panic(next.call(req))).await {
        Ok(Ok(Ok(response))) => Ok(finish(response, &arrival)),
        // The service consumed the request, so the error carries what the response needs.
        Ok(Ok(Err(error))) => Err(aborted(arrival, of_framework(&error))),
        Ok(Err(panic)) => Err(aborted(arrival, ApiError::internal(panic_message(panic.as_ref())))),
        Err(_) => {
            let message = format!("the request took longer than {} ms; what it began goes on", limit.as_millis());
            Err(aborted(arrival, ApiError::timeout(message)))
        }
    }
}

/// Checks the key, the rate limit and the number of concurrent requests. Public paths need neither key nor permit, so
/// that an overloaded service is not mistaken for a dead one.
fn authorize(
    state: &AppState,
    req: &ServiceRequest,
    arrival: &mut RequestInfo,
) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
    if is_public(req.method(), req.path()) {
        return Ok(None);
    }
    let (limiter, metrics, now) = (state.limiter(), state.metrics(), state.tracker().now());
    let identity = match state.keys().admit(req.headers(), now) {
        Ok(identity) => identity,
        Err(error) if error.status != StatusCode::UNAUTHORIZED => return Err(error),
        // Wrong keys from an address do not affect a valid key from there.
        Err(error) => {
            metrics.auth_failed(error.code.as_str());
            let counted = limiter.failure(req.peer_addr().map(|peer| peer.ip()), now);
            counted.inspect_err(|_| metrics.rate_limited(RateClass::AuthFailures))?;
            return Err(error);
        }
    };
    if state.is_draining() {
        return Err(ApiError::draining());
    }
    let is_heartbeat = *req.method() == Method::POST && rate_limit::is_heartbeat(req.path());
    match limiter.request(identity.id.0, is_heartbeat, now) {
        Ok(standing) => arrival.standing = standing,
        Err((error, standing)) => {
            metrics.rate_limited(if is_heartbeat { RateClass::Heartbeats } else { RateClass::Requests });
            arrival.standing = Some(standing);
            return Err(error);
        }
    }
    let address = req.peer_addr().map(|peer| peer.ip());
    req.extensions_mut().insert(AuthContext { identity, address, request: arrival.id });
    if is_monitoring(req.path()) { Ok(None) } else { state.admit().map(Some) }
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
fn finish(mut response: ServiceResponse, arrival: &RequestInfo) -> ServiceResponse {
    let error = match response.response().error() {
        Some(error) => Some(of_framework(error)),
        None if response.response().extensions().contains::<RawBody>() => None,
        None if response.status().is_client_error() || response.status().is_server_error() => {
            Some(ApiError::of_framework(response.status()))
        }
        None => None,
    };
    access_log::answered(arrival, &mut response, error.as_ref());
    match error {
        Some(error) => {
            let rendered = error_response(&error, arrival);
            response.into_response(rendered)
        }
        None => {
            security_headers::add(response.response_mut(), arrival);
            response
        }
    }
}

/// Returns the error of an aborted request, and logs it.
fn aborted(arrival: RequestInfo, error: ApiError) -> Error {
    access_log::lost(&arrival, &error);
    AbortedRequest { error, arrival }.into()
}
