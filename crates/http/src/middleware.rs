//! The entry of every request, as one middleware: assigns an id, authenticates, applies the rate limits and the time
//! limit, catches panics, turns every error into the common envelope, and writes the log line.

mod access_log;
pub(crate) mod metrics;
mod security_headers;
mod trace;

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header;
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use rekindle_core::{Clock, SystemClock};
use rekindle_listener::{InFlightGuard, is_secure, new_request_id};
use rekindle_telemetry::metrics::RateClass;
use rekindle_telemetry::{catch_panic, panic_message};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use self::trace::{Answering, RequestTrace};
use crate::access::{AuthContext, Refused};
use crate::cors::{self, OriginDecision};
use crate::error::{ApiError, ErrorHeader};
use crate::rate_limit::{self, RateLimitStatus};
use crate::response::RawBody;
use crate::state::AppState;
use rekindle_api::ErrorBody;

/// The middleware around all endpoints of the API.
#[derive(Clone)]
pub struct RequestMiddleware(pub AppState);

impl<S> Transform<S, ServiceRequest> for RequestMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = EntryService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        self.0.spawn_upkeep();
        ready(Ok(EntryService { service, context: self.0.clone() }))
    }
}

/// The service that [`RequestMiddleware`] makes.
pub struct EntryService<S> {
    service: S,
    context: AppState,
}

/// Facts of a request that the end of its processing needs.
#[derive(Clone)]
struct RequestInfo {
    id: Uuid,
    at: Instant,
    method: Method,
    uri: Uri,
    /// The session in the request's path.
    session: Option<Uuid>,
    /// The decision on the request's origin.
    crossing: OriginDecision,
    /// The rate limit status of the API key, once the key was let in.
    standing: Option<RateLimitStatus>,
    /// Whether the request came over TLS.
    secure: bool,
    /// Whether the service is shutting down.
    draining: Arc<AtomicBool>,
}

impl<S> Service<ServiceRequest> for EntryService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    S::Future: 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Answering;

    forward_ready!(service);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let arrival = RequestInfo {
            id: new_request_id(),
            at: Instant::now(),
            method: req.method().clone(),
            uri: req.uri().clone(),
            session: access_log::session_of(&req),
            crossing: self.context.allowed_origins().of(req.headers()),
            standing: None,
            secure: is_secure(&req),
            draining: self.context.draining(),
        };
        let trace = RequestTrace::of(&req, arrival.id);
        let busy = InFlightGuard::with(&req);
        let answering = trace.hold(|| self.answer(req, arrival, busy));
        trace.follow(answering)
    }
}

impl<S> EntryService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    S::Future: 'static,
{
    fn answer(&self, req: ServiceRequest, mut arrival: RequestInfo, busy: Option<InFlightGuard>) -> Answering {
        if cors::is_preflight(req.method(), req.headers()) {
            let response = match arrival.crossing.preflight() {
                Ok(response) => req.into_response(response),
                Err(error) => req.error_response(error),
            };
            return Box::pin(ready(Ok(finish(response, &arrival))));
        }
        let place = match self.authorize(&req, &mut arrival) {
            Ok(place) => place,
            Err(error) => {
                if error.status == StatusCode::UNAUTHORIZED {
                    let key = self.context.keys().known(req.headers());
                    self.context.denied_log().note(Refused::not_let_in(arrival.id, key, &req, &error));
                }
                access_log::refused(&arrival, &req, &error);
                let response = error_response(&error, &arrival);
                return Box::pin(ready(Ok(req.into_response(response))));
            }
        };
        let limit = self.context.request_timeout();
        let answer = self.service.call(req);
        Box::pin(async move {
            let (_place, _busy) = (place, busy);
            match tokio::time::timeout(limit, catch_panic(answer)).await {
                Ok(Ok(Ok(response))) => Ok(finish(response, &arrival)),
                // The service consumed the request, so the error carries what the response needs.
                Ok(Ok(Err(error))) => Err(arrival.lost(of_framework(&error))),
                Ok(Err(panic)) => Err(arrival.lost(ApiError::internal(panic_message(panic.as_ref())))),
                Err(_) => {
                    let message =
                        format!("the request took longer than {} ms; what it began goes on", limit.as_millis());
                    Err(arrival.lost(ApiError::timeout(message)))
                }
            }
        })
    }
}

impl<S> EntryService<S> {
    /// Checks the key, the rate limit and the number of concurrent requests. Public paths need neither key nor permit,
    /// so that an overloaded service is not mistaken for a dead one.
    fn authorize(
        &self,
        req: &ServiceRequest,
        arrival: &mut RequestInfo,
    ) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        if is_public(req.method(), req.path()) {
            return Ok(None);
        }
        let (limiter, metrics, now) = (self.context.limiter(), self.context.metrics(), self.context.tracker().now());
        let identity = match self.context.keys().admit(req.headers(), now) {
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
        if self.context.is_draining() {
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
        if is_monitoring(req.path()) { Ok(None) } else { self.context.admit().map(Some) }
    }
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

/// Whether a path belongs to the documentation.
fn is_docs(path: &str) -> bool {
    path.strip_prefix("/api/docs").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn of_framework(error: &Error) -> ApiError {
    match error.as_error::<ApiError>() {
        Some(ours) => ours.clone(),
        None => ApiError::of_framework(error.as_response_error().status_code()),
    }
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

/// Returns an error in the common envelope.
fn error_response(error: &ApiError, arrival: &RequestInfo) -> HttpResponse {
    let body = ErrorBody {
        status_code: error.status.as_u16(),
        error: error.status.canonical_reason().unwrap_or("Error").to_owned(),
        message: error.message.clone(),
        timestamp: SystemClock.now().into(),
        path: arrival.uri.path().to_owned(),
        request_id: arrival.id,
        code: error.code.as_str().to_owned(),
        details: error.details.clone(),
    };
    let mut response = HttpResponse::build(error.status);
    match error.header {
        ErrorHeader::None => {}
        ErrorHeader::RetryAfter(seconds) => {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        ErrorHeader::Allow(methods) => {
            response.insert_header((header::ALLOW, methods));
        }
    }
    if error.status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "ApiKey"));
    }
    let mut response = response.json(body);
    security_headers::add(&mut response, arrival);
    response
}

impl RequestInfo {
    /// Returns the type of the connection if it must change: it is closed during shutdown.
    fn connection(&self) -> Option<ConnectionType> {
        self.draining.load(Ordering::Relaxed).then_some(ConnectionType::Close)
    }

    /// Returns the error of an aborted request, and logs it.
    fn lost(&self, error: ApiError) -> Error {
        access_log::lost(self, &error);
        AbortedRequest { error, arrival: self.clone() }.into()
    }
}

/// An error of a request that timed out or failed. It carries what the response needs, because the request is gone.
#[derive(thiserror::Error)]
#[error("{error}")]
struct AbortedRequest {
    error: ApiError,
    arrival: RequestInfo,
}

impl std::fmt::Debug for AbortedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for AbortedRequest {
    fn status_code(&self) -> StatusCode {
        self.error.status
    }

    fn error_response(&self) -> HttpResponse {
        error_response(&self.error, &self.arrival)
    }
}
