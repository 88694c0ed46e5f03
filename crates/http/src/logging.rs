//! Logs on stderr: JSON, one object a line, `{"timestamp","level","message","context":{…}}`, for programs; short lines
//! for people who develop.

mod json;

use std::io::IsTerminal;
use std::str::FromStr;

use rekindle_core::{Clock, Fault, SystemClock};
use tracing::{Level, error, warn};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::settings::Telemetry;
use crate::telemetry;

/// How much is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// The least important level that is logged.
    pub level: Level,
    /// How a line looks.
    pub format: Format,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For programs.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for Format {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(Fault::new("must be json or pretty")),
        }
    }
}

/// Sends what the process logs to stderr from now on, panics included, and its spans to where `traces` says. Where a log
/// was set up before, that one stays.
pub fn init(settings: LogSettings, traces: Option<&Telemetry>) {
    // Libraries are heard when something is wrong with them.
    let libraries = LevelFilter::WARN.min(settings.level.into());
    let targets = Targets::new().with_default(libraries).with_target("rekindle", settings.level);
    // What a client sends is no failure of ours: a request that cannot be read leaves a line of its own.
    let targets = targets.with_target("actix_http::h1", LevelFilter::OFF);
    let lines = match settings.format {
        Format::Json => fmt::layer().event_format(json::Json).with_writer(std::io::stderr).boxed(),
        Format::Pretty => fmt::layer()
            .with_timer(TimeOfDay)
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()))
            .with_writer(std::io::stderr)
            .boxed(),
    };
    let log = registry().with(lines.with_filter(targets));
    let (is_set, no_traces) = match traces.map(telemetry::layer) {
        Some(Ok(spans)) => (log.with(spans).try_init(), None),
        Some(Err(cause)) => (log.try_init(), Some(cause)),
        None => (log.try_init(), None),
    };
    if let Some(cause) = no_traces {
        warn!(cause, "There are no traces: the exporter cannot be set up; see OTEL_EXPORTER_OTLP_ENDPOINT");
    }
    if is_set.is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            error!(place = place.as_deref(), "{}", crate::entry::words_of(panic.payload()));
        }));
    }
}

/// What a person at a terminal needs of the time.
struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        let now = SystemClock.now().to_string();
        w.write_str(now.split_once('T').map_or(now.as_str(), |(_, time)| time))
    }
}
