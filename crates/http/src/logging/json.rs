//! One event as one line of JSON.

use std::fmt;

use rekindle_core::{Clock, SystemClock};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use rekindle_api::Time;

/// See [`crate::logging`].
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        writeln!(writer, "{}", line(event))
    }
}

/// In the order in which people read it.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: Time,
    level: &'a str,
    message: &'a str,
    context: &'a Map<String, Value>,
}

fn line(event: &Event<'_>) -> String {
    let mut said = Said::default();
    event.record(&mut said);
    let (level, target) = (event.metadata().level().as_str(), event.metadata().target());
    if !target.starts_with("rekindle") {
        // What a library says makes sense only with its name.
        said.context.insert("target".to_owned(), target.into());
    }
    if let Some((trace, span)) = crate::telemetry::current_ids() {
        said.context.insert("trace_id".to_owned(), trace.into());
        said.context.insert("span_id".to_owned(), span.into());
    }
    plain(level, &said.message, &said.context)
}

/// A line that says this now.
pub(super) fn plain(level: &str, message: &str, context: &Map<String, Value>) -> String {
    let line = Line { timestamp: SystemClock.now().into(), level, message, context };
    // Made of texts, numbers and truth values, which always can be written.
    serde_json::to_string(&line).unwrap_or_default()
}

#[derive(Default)]
struct Said {
    message: String,
    context: Map<String, Value>,
}

impl Said {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        match (field.name(), value.into()) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => {
                self.context.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests;
