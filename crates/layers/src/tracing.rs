//! Traces: a span for each call of the store, as a part of the current span. Where no spans are collected, a call costs
//! the check of a flag; a call outside of any span (a periodic job) leaves none.

use std::future::Future;

use tracing::field::Empty;
use tracing::{Instrument, Level, Span, span, span_enabled};

use crate::layered::Layer;
use crate::operation::Op;
use crate::outcome::{Failure, Outcome};

/// The target of all spans of this project. The exporter of traces listens to this target only, and the log ignores it,
/// so that without an exporter no span is made.
pub const SPANS: &str = "otel";

/// Makes a span for each call. It belongs next to the store, where each attempt is seen.
#[derive(Debug, Clone, Copy)]
pub struct Traced {
    system: &'static str,
}

impl Traced {
    /// Returns a layer for a store of this kind, such as `sqlite`.
    pub fn of(system: &'static str) -> Self {
        Self { system }
    }
}

impl Layer for Traced {
    async fn call<T: Send, E: Failure>(
        &self,
        op: Op,
        asked: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if !span_enabled!(target: SPANS, Level::INFO) || Span::current().is_none() {
            return asked.await;
        }
        let span = span!(
            target: SPANS,
            Level::INFO,
            "store",
            otel.name = op.name(),
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = self.system,
            db.operation.name = op.name(),
            outcome = Empty,
        );
        let mut call = UnderWay { span: &span, outcome: Outcome::Abandoned };
        let answer = asked.instrument(span.clone()).await;
        call.outcome = Outcome::of(&answer);
        answer
    }
}

/// Records the outcome when it is dropped, so that a call that is cancelled or panics has one as well.
struct UnderWay<'a> {
    span: &'a Span,
    outcome: Outcome,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.span.record("outcome", self.outcome.as_str());
        if is_failure(self.outcome) {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// Returns whether the store, or the way to it, failed. A stale row is an answer, and a caller that went away is no
/// failure.
fn is_failure(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Ok | Outcome::Stale | Outcome::Taken | Outcome::Fenced | Outcome::Abandoned => false,
        Outcome::Unavailable
        | Outcome::Overloaded
        | Outcome::CircuitOpen
        | Outcome::TimedOut
        | Outcome::Unknown
        | Outcome::Corrupt => true,
    }
}

#[cfg(test)]
mod tests;
