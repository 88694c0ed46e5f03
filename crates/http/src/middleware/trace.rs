//! The trace of a request: it continues the caller's `traceparent`, and the caller decides whether it is recorded.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use actix_web::Error;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use rekindle_layers::SPANS;
use rekindle_listener::is_secure;
use rekindle_telemetry::traces::{CallerScope, SpanIds, ids};
use tracing::field::Empty;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Level, Span, span, span_enabled};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// The header of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";

/// The trace that a request belongs to.
pub(crate) struct RequestTrace {
    span: Span,
    caller: Option<SpanIds>,
}

/// The future of a response.
pub(crate) type ResponseFuture = Pin<Box<dyn Future<Output = Result<ServiceResponse, Error>>>>;

impl RequestTrace {
    /// Continues the trace in the request's headers, or begins a new one.
    pub(crate) fn of(req: &ServiceRequest, id: Uuid) -> Self {
        let parent = caller(req.headers());
        let caller = parent.as_ref().and_then(ids);
        if !span_enabled!(target: SPANS, Level::INFO) {
            return Self { span: Span::none(), caller };
        }
        let route = req.match_pattern();
        let (method, scheme) = (method(req.method()), if is_secure(req) { "https" } else { "http" });
        let peer = req.peer_addr().map(|peer| peer.ip().to_string());
        let span = span!(
            target: SPANS,
            Level::INFO,
            "request",
            otel.name = route.as_ref().map_or_else(|| method.to_owned(), |route| format!("{method} {route}")),
            otel.kind = "server",
            otel.status_code = Empty,
            http.request.method = method,
            http.route = route,
            http.response.status_code = Empty,
            error.type = Empty,
            url.path = req.path(),
            url.scheme = scheme,
            client.address = peer,
            request_id = %id,
        );
        if let Some(parent) = parent {
            // It fails only without an exporter, where the parent has no use.
            let _ = span.set_parent(parent);
        }
        Self { span, caller }
    }

    /// Runs the future of a response within the trace, and records its status.
    pub(crate) fn follow(self, response: ResponseFuture) -> ResponseFuture {
        if self.span.is_disabled() && self.caller.is_none() {
            return response;
        }
        let Self { span, caller } = self;
        let ended = span.clone();
        let traced = TracedResponse { caller, response: response.instrument(span) };
        Box::pin(async move {
            let result = traced.await;
            let status = match &result {
                Ok(response) => response.status(),
                Err(error) => error.as_response_error().status_code(),
            };
            ended.record("http.response.status_code", status.as_u16());
            if status.is_server_error() {
                ended.record("otel.status_code", "ERROR").record("error.type", status.as_str());
            }
            result
        })
    }
}

/// Returns the method for the span's name. An unknown method is arbitrary text of the caller and is replaced.
fn method(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::CONNECT
        | Method::TRACE => method.as_str(),
        _ => "_OTHER",
    }
}

/// Returns the caller's span. None without exactly one valid `traceparent`.
fn caller(headers: &HeaderMap) -> Option<Context> {
    let mut named = headers.get_all(TRACEPARENT);
    let lengths = named.next()?.to_str().ok()?.split('-').map(str::len);
    // The propagator also accepts ids that are too short.
    if named.next().is_some() || !lengths.take(4).eq([2, 32, 16, 2]) {
        return None;
    }
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Carrier(headers));
    ids(&context).map(|_| context)
}

struct Carrier<'a>(&'a HeaderMap);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(actix_web::http::header::HeaderName::as_str).collect()
    }
}

/// The future of a response; while it is polled, the caller's span is the current one.
struct TracedResponse {
    caller: Option<SpanIds>,
    response: Instrumented<ResponseFuture>,
}

impl Future for TracedResponse {
    type Output = Result<ServiceResponse, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let _caller = CallerScope::enter(self.caller);
        Pin::new(&mut self.response).poll(cx)
    }
}

#[cfg(test)]
mod tests;
