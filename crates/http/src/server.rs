//! The server: binds, listens, runs the jobs, and on a signal drains: takes nothing new, answers what has begun, stops
//! the jobs, closes the store.

mod signals;
pub mod systemd;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use rekindle_core::{Clock, RandomIds, Store, SystemClock, Tracker};
use rekindle_jobs::{DetectionJob, JobRegistry, RetentionJob, Scheduler};
use rekindle_layers::{CircuitBreaker, Layered, Traced, resilient};
use rekindle_listener::{Certificates, Connections, ListenOptions, TlsError, bind, listen};
use rekindle_settings::{ConfigurationError, SettingFault};
use rekindle_telemetry::logging::{self, Guard, LogError};
use rekindle_telemetry::metrics::Metrics;
use rekindle_telemetry::traces;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::{info, warn};

use self::signals::{ServerSignal, Signals};
use self::systemd::Notifier;
use crate::backup_job::BackupJob;
use crate::embed::new_metrics;
use crate::error::ApiError;
use crate::protocol_error::protocol_error_body;
use crate::routes::{configure, not_found_route};
use crate::settings::{Settings, table};
use crate::state::{AppState, Limits, ServerHandles};
use rekindle_stores::{OpenStoreError, Opening};

/// How long those who have a connection are told, before they lose it, that the server is shutting down.
const SHUTDOWN_NOTICE: Duration = Duration::from_millis(250);
/// How long the start waits for the keys that were handed out; without them it goes on, and asks again.
const KEY_LOAD_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the last answers have to get out, however late they were.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(250);

/// Why the server did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Settings are missing or wrong.
    #[error(transparent)]
    Settings(#[from] ConfigurationError),
    /// The chosen store cannot serve.
    #[error("ConfigurationError: {name}: {why}")]
    Store {
        /// The setting that chose it.
        name: &'static str,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A file of TLS cannot be used.
    #[error("ConfigurationError: {name}: {why}")]
    Tls {
        /// The setting that names it.
        name: &'static str,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// A second signal ended it at once, with what was under way.
    #[error("stopped at once by a second {signal}")]
    Interrupted {
        /// The signal's name.
        signal: &'static str,
        /// The exit status that shells know a signal by.
        code: u8,
    },
    /// Something that may be different another time.
    #[error("{0}")]
    Failed(String),
}

impl ServeError {
    /// The exit status of a process that ends for this reason: 78 for a fault in its configuration.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Store { .. } | Self::Tls { .. } => 78,
            Self::Interrupted { code, .. } => *code,
            Self::Failed(_) => 1,
        }
    }
}

impl From<LogError> for ServeError {
    fn from(error: LogError) -> Self {
        let message = error.to_string();
        match error {
            LogError::File { .. } => {
                ConfigurationError { faults: vec![SettingFault::new(table::LOG_FILE.name, message)] }.into()
            }
            LogError::Thread(_) => Self::Failed(message),
        }
    }
}

impl From<TlsError> for ServeError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::File { name, why } => Self::Tls { name, why },
            TlsError::Setup(_) => Self::Failed(error.to_string()),
        }
    }
}

/// Starts the log and the traces of this process, as the settings say.
///
/// # Errors
/// When the log file cannot be opened, or there can be no thread for the log.
pub fn start_log(settings: &Settings) -> Result<Guard, ServeError> {
    Ok(logging::init(&settings.log, settings.telemetry.as_ref())?)
}

/// A server that listens.
pub struct RunningServer {
    address: SocketAddr,
    context: AppState,
    drain_timeout: Duration,
    connections: Arc<Connections>,
    handle: ServerHandle,
    server: JoinHandle<std::io::Result<()>>,
    certificates: Option<Arc<Certificates>>,
    jobs: Scheduler,
}

/// Runs the server until SIGTERM or SIGINT; SIGHUP makes it read its certificate again. `on_listening` is told the address
/// as soon as it can be asked.
///
/// # Errors
/// See [`ServeError`]; an error of `on_listening` ends the server in good order.
pub async fn serve(
    settings: &Settings,
    on_listening: impl FnOnce(SocketAddr) -> std::io::Result<()>,
) -> Result<(), ServeError> {
    serve_started(start(settings), on_listening).await
}

/// The same with a server that is started in another way.
///
/// # Errors
/// As [`serve`].
pub async fn serve_started(
    starting: impl Future<Output = Result<RunningServer, ServeError>>,
    on_listening: impl FnOnce(SocketAddr) -> std::io::Result<()>,
) -> Result<(), ServeError> {
    let mut signals = Signals::listen()?;
    let mut running = starting.await?;
    if let Err(error) = on_listening(running.address) {
        running.stop().await;
        return Err(ServeError::Failed(error.to_string()));
    }
    let notifier = Notifier::of_process();
    notifier.ready(running.address);
    let _feeding = notifier.keep_alive(running.address, &running.context);
    let board = running.context.jobs().clone();
    let signal = loop {
        let asked = tokio::select! {
            asked = signals.next() => asked,
            why = board.failed_job() => {
                running.stop().await;
                return Err(ServeError::Failed(format!("{why}; the log says how")));
            }
            ended = &mut running.server => {
                let why = ended.map_or_else(|error| error.to_string(), |ended| format!("{ended:?}"));
                return Err(ServeError::Failed(format!("the server ended by itself: {why}")));
            }
        };
        match asked {
            ServerSignal::ToReload => {
                notifier.reloading();
                running.reload();
                notifier.ready(running.address);
            }
            ServerSignal::ToEnd { signal, .. } => break signal,
        }
    };
    info!(signal, "Shutting down");
    notifier.stopping();
    tokio::select! {
        () = running.stop_with_notice() => {}
        (signal, code) = signals.next_to_end() => {
            warn!(signal, "Shutting down at once: asked a second time");
            return Err(ServeError::Interrupted { signal, code });
        }
    }
    info!("Stopped");
    traces::flush().await;
    Ok(())
}

/// Opens the store that the settings name, and starts a server over it.
///
/// # Errors
/// See [`ServeError`].
pub async fn start(settings: &Settings) -> Result<RunningServer, ServeError> {
    let metrics = new_metrics();
    let opening = Opening {
        call_timeout: settings.store_timeout,
        retention_days: settings.policy.retention_days,
        watch: metrics.batch_watch(),
    };
    let store = rekindle_stores::open(&settings.store, opening).await.map_err(|error| match error {
        OpenStoreError::Configuration(why) => ServeError::Store { name: settings.store_from, why },
        OpenStoreError::Failed(why) => ServeError::Failed(format!("the store cannot be opened: {why}")),
    })?;
    let store = match &settings.telemetry {
        Some(_) => Arc::new(Layered::new(Traced::of(settings.store.system()), store)) as Arc<dyn Store>,
        None => store,
    };
    let closing = Arc::clone(&store);
    let started = start_layered(store, Arc::new(SystemClock), metrics, settings).await;
    if started.is_err() {
        closing.close().await;
    }
    started
}

/// Starts a server over a store, with the layers round it that every server has. Of the settings, those of the store are not
/// looked at.
///
/// # Errors
/// When it cannot listen where it should.
pub async fn start_over(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: &Settings,
) -> Result<RunningServer, ServeError> {
    start_layered(store, clock, new_metrics(), settings).await
}

async fn start_layered(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    settings: &Settings,
) -> Result<RunningServer, ServeError> {
    let (store, circuit) = resilient(store, Arc::clone(&clock), metrics.clone());
    let tracker = Tracker::new(store, clock, Arc::new(RandomIds), settings.policy);
    run(tracker, metrics, Some(circuit), settings).await
}

/// Starts a server over a tracker, without layers round its store. Of the settings, those of the store are not looked at.
///
/// # Errors
/// When it cannot listen where it should, or not speak TLS as it should.
pub async fn start_with(tracker: Tracker, settings: &Settings) -> Result<RunningServer, ServeError> {
    run(tracker, new_metrics(), None, settings).await
}

async fn run(
    tracker: Tracker,
    metrics: Metrics,
    circuit: Option<Arc<CircuitBreaker>>,
    settings: &Settings,
) -> Result<RunningServer, ServeError> {
    let certificates = settings.tls.as_ref().map(Certificates::read).transpose()?;
    let acceptor = certificates.as_ref().map(Certificates::acceptor).transpose()?;
    let (listener, address) = bind(&settings.host, settings.port).await.map_err(ServeError::Failed)?;
    let limits = Limits {
        api_keys: settings.api_keys.clone(),
        request_timeout: settings.request_timeout,
        max_body_bytes: settings.max_body_bytes,
        max_in_flight: settings.max_in_flight,
        rate_limits: settings.rate_limits,
        allowed_origins: settings.allowed_origins.clone(),
    };
    let board = JobRegistry::new(&metrics);
    let environment = settings.environment.clone();
    let surroundings = ServerHandles { metrics: metrics.clone(), circuit, jobs: board.clone(), environment };
    let context = AppState::with_handles(tracker, limits, surroundings);
    let tracker = context.tracker().clone();
    context.spawn_upkeep();
    // Whoever comes first must not hear that nobody can say whether their key is good.
    let _ = timeout(KEY_LOAD_TIMEOUT, context.keys().refresh(&tracker)).await;
    let connections = Arc::new(Connections::default());
    let options = ListenOptions {
        connections: Arc::clone(&connections),
        tls: acceptor,
        drain_timeout: settings.drain_timeout,
        error_body: protocol_error_body,
    };
    let state = context.clone();
    let app = move |config: &mut ServiceConfig| {
        configure(config, &state);
        config.default_service(not_found_route(&state));
    };
    let server = listen(listener, options, app)
        .map_err(|error| ServeError::Failed(format!("cannot listen on {address}: {error}")))?;
    let handle = server.handle();
    let server = tokio::spawn(server);
    let mut jobs = Scheduler::new(tracker, board, |failure| ApiError::from(failure).message);
    jobs.start(DetectionJob::new(metrics));
    jobs.start(RetentionJob::new(settings.cleanup.clone()));
    if let (Some(plan), Ok(file)) = (&settings.backup, settings.store.file()) {
        jobs.start(BackupJob::new(file.to_path_buf(), plan.clone()));
    }
    let scheme = if certificates.is_some() { "https" } else { "http" };
    info!(
        address = %address,
        url = %format_args!("{scheme}://{address}"),
        store = %settings.store,
        environment = settings.environment.as_str(),
        version = env!("CARGO_PKG_VERSION"),
        "listening on {scheme}://{address}"
    );
    let drain_timeout = settings.drain_timeout;
    Ok(RunningServer { address, context, drain_timeout, connections, handle, server, certificates, jobs })
}

impl RunningServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers with.
    pub fn context(&self) -> &AppState {
        &self.context
    }

    /// SIGHUP: reads again what may have changed since it started. The one place for all of that.
    fn reload(&self) {
        logging::reopen();
        if let Some(certificates) = &self.certificates {
            certificates.reload();
        }
    }

    /// As [`RunningServer::stop`], and whoever has a connection and goes on asking is told before it is closed.
    async fn stop_with_notice(self) {
        self.context.drain();
        if self.connections.count() > 0 {
            tokio::time::sleep(SHUTDOWN_NOTICE.min(self.drain_timeout)).await;
        }
        self.stop().await;
    }

    /// Takes nothing new, answers what has begun within the time for it, stops the jobs and closes the store.
    ///
    /// As long as something is worked on, it goes on listening: load balancers are told by `/ready` to ask others, and
    /// whoever asks for anything new is told to come back. Then nobody is let in any more.
    pub async fn stop(mut self) {
        self.context.drain();
        let deadline = Instant::now() + self.drain_timeout;
        let all_answered = timeout_at(deadline, self.context.drained()).await.is_ok();
        // Idle connections are closed by this, the others once they have their answer. The workers look only once a
        // second whether that is so; the connections tell at once.
        let stopped = self.handle.stop(true);
        let last = if all_answered { deadline.max(Instant::now() + FLUSH_TIMEOUT) } else { deadline };
        tokio::select! {
            () = stopped => {}
            () = self.connections.none_left() => {}
            () = sleep_until(last) => {
                warn!(connections = self.connections.count(), "Requests in flight were cut off: they took too long");
            }
        }
        // Dropping the server ends its workers.
        self.server.abort();
        let _ = (&mut self.server).await;
        self.jobs.stop().await;
        // Who was refused in the last second, too, is to be in the audit trail.
        let (refusals, metrics) = (self.context.denied_log(), self.context.metrics());
        let _ = timeout(self.drain_timeout, refusals.flush(self.context.tracker(), metrics)).await;
        let closed = timeout(self.drain_timeout, self.context.tracker().store().close()).await;
        if closed.is_err() {
            warn!("The store did not close in time: what was answered is kept");
        }
    }
}
