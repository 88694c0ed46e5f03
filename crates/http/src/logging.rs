//! Logs on stderr or in a file: JSON, one object a line, `{"timestamp","level","message","context":{…}}`, for programs;
//! short lines for people who develop. Whoever logs never waits for a disk or a reader: see `queue`.

mod json;
mod rotating_file;
mod sampling;
mod sink;
mod writer_thread;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use rekindle_core::{Clock, InvalidValue, SystemClock};
use rekindle_settings::{ConfigurationError, SettingFault};
pub(crate) use sampling::should_log;
use serde_json::{Map, Value};
use tracing::{Level, error, warn};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use self::rotating_file::Rotating;
use self::sink::Sink;
use self::writer_thread::Queue;
use crate::server::ServeError;
use crate::settings::{Telemetry, table};
use crate::telemetry;

/// How much is logged, how, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The least important level that is logged.
    pub level: Level,
    /// How a line looks.
    pub format: Format,
    /// Where lines go; without it to stderr.
    pub file: Option<LogFile>,
    /// Of so many heartbeats one is logged.
    pub heartbeat_sample: u32,
}

/// A file for the log, and how many more of its kind there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Its name. Those that were put away have the day (UTC) and a number before the extension:
    /// `rekindle.2026-11-21.0001.log`.
    pub path: PathBuf,
    /// One that would grow beyond this is put away; so is one of another day.
    pub max_bytes: u64,
    /// As many that were put away are kept.
    pub keep: usize,
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
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(InvalidValue::new("must be json or pretty")),
        }
    }
}

/// The queue of this process' log, once there is one.
static LOG: OnceLock<Arc<Queue>> = OnceLock::new();

/// Writes what waits to be written when it is dropped, as long as that does not take too long: keep it until the end.
#[must_use = "what waits to be written is lost when the process ends without dropping this"]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(queue) = LOG.get() {
            queue.flush();
        }
    }
}

/// How many lines of this process' log were lost since they could not be written fast enough.
pub fn lines_lost() -> u64 {
    writer_thread::LOST.load(Ordering::Relaxed)
}

/// Sends what the process logs to where the settings say from now on, panics included, and its spans to where `traces`
/// says. Where a log was set up before, that one stays.
///
/// # Errors
/// The log file cannot be opened, which is a fault of the configuration; or there can be no thread for the log.
pub fn init(settings: &LogSettings, traces: Option<&Telemetry>) -> Result<Guard, ServeError> {
    // Libraries are heard when something is wrong with them.
    let libraries = LevelFilter::WARN.min(settings.level.into());
    let targets = Targets::new().with_default(libraries).with_target("rekindle", settings.level);
    // What a client sends is no failure of ours: a request that cannot be read leaves a line of its own.
    let targets = targets.with_target("actix_http::h1", LevelFilter::OFF);
    let outlet = match &settings.file {
        None => Sink::stderr(settings.format),
        Some(plan) => {
            let file = Rotating::open(plan, Arc::new(SystemClock)).map_err(|why| cannot_open(plan, &why))?;
            Sink::file(file, settings.format)
        }
    };
    let queue =
        Queue::start(outlet).map_err(|why| ServeError::Failed(format!("cannot start the log's thread: {why}")))?;
    let writer = Arc::clone(&queue);
    let writer = move || Line(Arc::clone(&writer));
    // An error of the writer is the queue's to deal with; the library would report it with a macro that panics.
    let lines = match settings.format {
        Format::Json => fmt::layer().event_format(json::Json).log_internal_errors(false).with_writer(writer).boxed(),
        Format::Pretty => {
            let is_watched = settings.file.is_none() && io::stderr().is_terminal();
            let colours = is_watched && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            let layer = fmt::layer().with_timer(TimeOfDay).with_target(false).with_ansi(colours);
            layer.log_internal_errors(false).with_writer(writer).boxed()
        }
    };
    let log = registry().with(lines.with_filter(targets));
    let (is_set, no_traces) = match traces.map(telemetry::layer) {
        Some(Ok(spans)) => (log.with(spans).try_init(), None),
        Some(Err(cause)) => (log.try_init(), Some(cause)),
        None => (log.try_init(), None),
    };
    if is_set.is_ok() {
        sampling::set(settings.heartbeat_sample);
        let _ = LOG.set(queue);
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            error!(place = place.as_deref(), "{}", crate::middleware::panic_message(panic.payload()));
        }));
    }
    if let Some(cause) = no_traces {
        warn!(cause, "There are no traces: the exporter cannot be set up; see OTEL_EXPORTER_OTLP_ENDPOINT");
    }
    Ok(Guard(()))
}

/// Opens the log file anew, for whoever moved it away: to be called on SIGHUP.
pub fn reopen() {
    if let Some(queue) = LOG.get() {
        queue.reopen();
    }
}

fn cannot_open(plan: &LogFile, why: &io::Error) -> ServeError {
    let shown = plan.path.display();
    let message = format!("must be a file that can be written, and {shown} is none: {why}; its folder must exist");
    let faults = vec![SettingFault::new(table::LOG_FILE.name, message)];
    ConfigurationError { faults }.into()
}

/// Takes one line to the queue.
struct Line(Arc<Queue>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line that the log writes about itself, which cannot go the way of the others.
fn own_line(format: Format, message: &str, facts: &[(&str, Value)]) -> String {
    match format {
        Format::Json => {
            let context: Map<_, _> = facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            format!("{}\n", json::plain(Level::WARN.as_str(), message, &context))
        }
        Format::Pretty => {
            let facts: String = facts.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{}  WARN {message}{facts}\n", time_of_day())
        }
    }
}

/// What a person at a terminal needs of the time.
struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        w.write_str(&time_of_day())
    }
}

fn time_of_day() -> String {
    let now = SystemClock.now().to_string();
    now.split_once('T').map_or_else(|| now.clone(), |(_, time)| time.to_owned())
}
