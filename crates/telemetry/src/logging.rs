//! Logs on stderr or in a file: JSON, one object a line, `{"timestamp","level","message","context":{…}}`, for programs;
//! short lines for developers. A log call never waits for a disk or a reader: see `writer_thread`.

mod batch;
mod config;
mod json;
mod lines;
mod rotating_file;
mod sampling;
mod sink;
mod writer_thread;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

pub use config::{Format, LogFile, LogSettings};
use rekindle_core::SystemClock;
pub use sampling::should_log;
use tracing::{error, warn};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use self::lines::TimeOfDay;
use self::rotating_file::Rotating;
use self::sink::Sink;
use self::writer_thread::Queue;
use crate::panic::panic_message;
use crate::traces::{self, TraceSettings};

/// Why there can be no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log file cannot be opened, which is a fault of the configuration.
    #[error("must be a file that can be written, and {} is none: {why}; its folder must exist", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// The log's thread cannot be started.
    #[error("cannot start the log's thread: {0}")]
    Thread(io::Error),
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

/// Sends what the process logs to where the settings say from now on, panics included, and its spans to where
/// `spans_to` says. Where a log was set up before, that one stays.
///
/// # Errors
/// See [`LogError`].
pub fn init(settings: &LogSettings, spans_to: Option<&TraceSettings>) -> Result<Guard, LogError> {
    // Libraries are heard when something is wrong with them.
    let libraries = LevelFilter::WARN.min(settings.level.into());
    let targets = Targets::new().with_default(libraries).with_target("rekindle", settings.level);
    // What a client sends is no failure of ours: a request that cannot be read leaves a line of its own.
    let targets = targets.with_target("actix_http::h1", LevelFilter::OFF);
    let outlet = match &settings.file {
        None => Sink::stderr(settings.format),
        Some(plan) => {
            let file = Rotating::open(plan, Arc::new(SystemClock))
                .map_err(|why| LogError::File { path: plan.path.clone(), why })?;
            Sink::file(file, settings.format)
        }
    };
    let queue = Queue::start(outlet).map_err(LogError::Thread)?;
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
    let (is_set, no_traces) = match spans_to.map(traces::layer) {
        Some(Ok(spans)) => (log.with(spans).try_init(), None),
        Some(Err(cause)) => (log.try_init(), Some(cause)),
        None => (log.try_init(), None),
    };
    if is_set.is_ok() {
        sampling::set(settings.heartbeat_sample);
        let _ = LOG.set(queue);
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            error!(place = place.as_deref(), "{}", panic_message(panic.payload()));
        }));
    }
    if let Some(cause) = no_traces {
        warn!(cause, "There are no traces: the exporter cannot be set up; see OTEL_EXPORTER_OTLP_ENDPOINT");
    }
    Ok(Guard(()))
}

/// Opens the log file again after another program moved it: for SIGHUP.
pub fn reopen() {
    if let Some(queue) = LOG.get() {
        queue.reopen();
    }
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
