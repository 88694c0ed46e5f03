//! Traces: a span for each request, each use case and each call of the store, sent by OTLP over HTTP to the endpoint that
//! the settings name. Without one no span is ever made; the trace that a caller brings is in the log all the same.
//!
//! Spans wait in a bounded queue for a thread of their own: an endpoint that is away costs requests nothing.

mod config;
mod export;

use std::cell::Cell;
use std::future::Future;

pub use config::TraceSettings;
pub use export::{flush, layer};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use rekindle_layers::SPANS;
use tracing::field::Empty;
use tracing::{Instrument, Level, Span, span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

thread_local! {
    /// The caller of the request that this thread is busy with.
    static CALLER: Cell<Option<SpanIds>> = const { Cell::new(None) };
}

/// The ids of a trace and of a span in it.
pub type SpanIds = (opentelemetry::TraceId, opentelemetry::SpanId);

/// The trace id and the span id of what is under way, in lower-case hex: those of our own span, or where none is made those
/// that the caller brought.
pub fn current_ids() -> Option<(String, String)> {
    let span = Span::current();
    let ours = (!span.is_disabled()).then(|| ids(&span.context())).flatten();
    let (trace, span) = ours.or_else(|| CALLER.get())?;
    Some((trace.to_string(), span.to_string()))
}

/// Returns the ids of the span in this context, if it is a valid one.
pub fn ids(context: &Context) -> Option<SpanIds> {
    let span = context.span();
    let context: &SpanContext = span.span_context();
    context.is_valid().then(|| (context.trace_id(), context.span_id()))
}

/// A use case as a span of its own, with its outcome: `ok`, `refused` or `failed`.
pub fn use_case<T: Send>(
    name: &'static str,
    work: impl Future<Output = Result<T, rekindle_core::Error>> + Send,
) -> impl Future<Output = Result<T, rekindle_core::Error>> + Send {
    use rekindle_core::Error::{AlreadyAnswered, Contended, Fenced, Rejected, Store};
    let span = span!(
        target: SPANS, Level::INFO, "use case", otel.name = name, otel.status_code = Empty, outcome = Empty,
    );
    let ended = span.clone();
    let work = async move {
        let answer = work.await;
        match &answer {
            Ok(_) => ended.record("outcome", "ok"),
            Err(Rejected(_) | AlreadyAnswered) => ended.record("outcome", "refused"),
            Err(Contended | Fenced | Store(_)) => ended.record("outcome", "failed").record("otel.status_code", "ERROR"),
        };
        answer
    };
    work.instrument(span)
}

/// Makes a caller the current one until it is dropped, and then the one before it.
#[must_use = "dropped, it ends"]
pub struct CallerScope(Option<SpanIds>);

impl CallerScope {
    /// Begins it on this thread.
    pub fn enter(caller: Option<SpanIds>) -> Self {
        Self(CALLER.replace(caller))
    }
}

impl Drop for CallerScope {
    fn drop(&mut self) {
        CALLER.set(self.0);
    }
}
