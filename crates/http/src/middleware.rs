//! The way in and out of every request, as one middleware: gives it an id, lets it in, limits how often and how long
//! it may ask, catches what panics, turns every error into the one envelope, and writes its log line.

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

/// Wraps what answers requests.
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

/// See [`RequestMiddleware`].
pub struct EntryService<S> {
    service: S,
    context: AppState,
}

/// What is known of a request from the start, and still needed at its end.
#[derive(Clone)]
struct RequestInfo {
    id: Uuid,
    at: Instant,
    method: Method,
    uri: Uri,
    /// The session that its path names.
    session: Option<Uuid>,
    /// Where it comes from, if a browser says so.
    crossing: OriginDecision,
    /// Where its key stands, once that was let in.
    standing: Option<RateLimitStatus>,
    /// Whether it came over TLS.
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
                // From here on the request is gone with whoever had it.
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
    /// Lets a request in: by its key, and if there were not too many before it. What is public needs neither key nor
    /// place, so that a service that has too much to do is not taken for one that is dead.
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
            // A valid key passes however many wrong ones came from its address.
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

/// What anybody may ask. Compared as it came: nothing that is written in another way is public.
fn is_public(method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
        && (matches!(path, "/health" | "/healthz" | "/ready" | "/readyz") || is_docs(path))
}

/// What is asked to see how the service fares. It needs no place: most of all one wants to see a service that has too much
/// to do.
fn is_monitoring(path: &str) -> bool {
    matches!(path, "/health/detailed" | "/metrics")
}

/// Whether a path is in the documentation.
fn is_docs(path: &str) -> bool {
    path.strip_prefix("/api/docs").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn of_framework(error: &Error) -> ApiError {
    match error.as_error::<ApiError>() {
        Some(ours) => ours.clone(),
        None => ApiError::of_framework(error.as_response_error().status_code()),
    }
}

/// The last touch to an answer.
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

/// The one shape of all errors.
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
    /// How the connection goes on, if it must not go on as it came.
    fn connection(&self) -> Option<ConnectionType> {
        self.draining.load(Ordering::Relaxed).then_some(ConnectionType::Close)
    }

    /// An error of a request that is no longer there to be answered in the usual way.
    fn lost(&self, error: ApiError) -> Error {
        access_log::lost(self, &error);
        AbortedRequest { error, arrival: self.clone() }.into()
    }
}

/// See [`RequestInfo::until_lost`].
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
