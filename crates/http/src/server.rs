//! The server: binds, listens, runs the jobs, and on a signal drains: takes nothing new, answers what has begun, stops
//! the jobs, closes the store.

mod bind;
mod connections;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Extensions, ServerHandle};
use actix_web::{App, HttpServer};
use rekindle_core::{RandomIds, SystemClock, Tracker};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::connections::{Connections, Guard};
use crate::context::{Context, Limits};
use crate::settings::{ConfigurationError, Settings};
use crate::wire::{self, NotOpened, Opening};
use crate::{jobs, routes};

/// How long an idle connection is kept, as long as load balancers commonly do.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a request may take to come: whoever sends it byte by byte holds a connection no longer.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// Something that may be different another time.
    #[error("{0}")]
    Failed(String),
}

impl ServeError {
    /// The exit status of a process that ends for this reason: 78 for a fault in its configuration.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Store { .. } => 78,
            Self::Failed(_) => 1,
        }
    }
}

/// A server that listens.
pub struct Running {
    address: SocketAddr,
    context: Context,
    drain_timeout: Duration,
    connections: Arc<Connections>,
    handle: ServerHandle,
    server: JoinHandle<io::Result<()>>,
    stop_jobs: CancellationToken,
    jobs: Vec<JoinHandle<()>>,
}

/// Runs the server until SIGTERM or SIGINT. `on_listening` is told the address as soon as it can be asked.
///
/// # Errors
/// See [`ServeError`]; an error of `on_listening` ends the server in good order.
pub async fn serve(
    settings: &Settings,
    on_listening: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> Result<(), ServeError> {
    let mut signals = Signals::listen()?;
    let mut running = start(settings).await?;
    if let Err(error) = on_listening(running.address) {
        running.stop().await;
        return Err(ServeError::Failed(error.to_string()));
    }
    let signal = tokio::select! {
        signal = signals.next() => signal,
        ended = &mut running.server => {
            let why = ended.map_or_else(|error| error.to_string(), |ended| format!("{ended:?}"));
            return Err(ServeError::Failed(format!("the server ended by itself: {why}")));
        }
    };
    info!(signal, "Shutting down");
    tokio::select! {
        () = running.stop() => {}
        again = signals.next() => warn!(signal = again, "Shutting down at once: asked a second time"),
    }
    info!("Stopped");
    Ok(())
}

/// Opens the store that the settings name, and starts a server over it.
///
/// # Errors
/// See [`ServeError`].
pub async fn start(settings: &Settings) -> Result<Running, ServeError> {
    let opening = Opening { call_timeout: settings.store_timeout, retention_days: settings.policy.retention_days };
    let store = wire::open(&settings.store, opening).await.map_err(|error| match error {
        NotOpened::Configuration(why) => ServeError::Store { name: settings.store_from, why },
        NotOpened::Failed(why) => ServeError::Failed(format!("the store cannot be opened: {why}")),
    })?;
    let tracker = Tracker::new(store, Arc::new(SystemClock), Arc::new(RandomIds), settings.policy);
    let closing = tracker.clone();
    let started = start_with(tracker, settings).await;
    if started.is_err() {
        closing.store().close().await;
    }
    started
}

/// Starts a server over a tracker. Of the settings, those of the store are not looked at.
///
/// # Errors
/// When it cannot listen where it should.
pub async fn start_with(tracker: Tracker, settings: &Settings) -> Result<Running, ServeError> {
    let (listener, address) = bind::bind(&settings.host, settings.port).await.map_err(ServeError::Failed)?;
    let limits = Limits {
        api_keys: settings.api_keys.clone(),
        request_timeout: settings.request_timeout,
        max_body_bytes: settings.max_body_bytes,
        max_in_flight: settings.max_in_flight,
        rate_limits: settings.rate_limits,
        allowed_origins: settings.allowed_origins.clone(),
    };
    let context = Context::new(tracker.clone(), limits);
    let connections = Arc::new(Connections::default());
    let (served, counted) = (context.clone(), Arc::clone(&connections));
    let server = HttpServer::new(move || {
        App::new().configure(|config| routes::configure(config, &served)).default_service(routes::nothing_here(&served))
    })
    .on_connect(move |_, extensions: &mut Extensions| {
        extensions.insert(Guard::new(Arc::clone(&counted)));
    })
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_TIMEOUT)
    .tcp_nodelay(true)
    .disable_signals()
    .shutdown_timeout(settings.drain_timeout.as_secs() + 1)
    .listen(listener)
    .map_err(|error| ServeError::Failed(format!("cannot listen on {address}: {error}")))?
    .run();
    let handle = server.handle();
    let server = tokio::spawn(server);
    let stop_jobs = CancellationToken::new();
    let mut jobs = vec![
        tokio::spawn(jobs::detector(tracker.clone(), stop_jobs.clone())),
        tokio::spawn(jobs::retention(tracker.clone(), settings.cleanup.clone(), stop_jobs.clone())),
    ];
    if let (Some(plan), Ok(file)) = (&settings.backup, settings.store.file()) {
        jobs.push(tokio::spawn(jobs::backups(tracker, file.to_path_buf(), plan.clone(), stop_jobs.clone())));
    }
    info!(
        address = %address,
        url = %format_args!("http://{address}"),
        store = %settings.store,
        environment = settings.environment.as_str(),
        version = env!("CARGO_PKG_VERSION"),
        "listening on http://{address}"
    );
    let drain_timeout = settings.drain_timeout;
    Ok(Running { address, context, drain_timeout, connections, handle, server, stop_jobs, jobs })
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers with.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Takes nothing new, answers what has begun within the time for it, stops the jobs and closes the store.
    pub async fn stop(mut self) {
        self.context.drain();
        // Idle connections are closed by this, the others once they have their answer. The workers look only once a
        // second whether that is so; the connections tell at once.
        let stopped = self.handle.stop(true);
        tokio::select! {
            () = stopped => {}
            () = self.connections.none_left() => {}
            () = tokio::time::sleep(self.drain_timeout) => {
                warn!(connections = self.connections.count(), "Requests in flight were cut off: they took too long");
            }
        }
        // Dropping the server ends its workers.
        self.server.abort();
        let _ = (&mut self.server).await;
        self.stop_jobs.cancel();
        for job in self.jobs.drain(..) {
            // A job that died has said so in the log.
            let _ = job.await;
        }
        let closed = tokio::time::timeout(self.drain_timeout, self.context.tracker().store().close()).await;
        if closed.is_err() {
            warn!("The store did not close in time: what was answered is kept");
        }
    }
}

/// The signals that ask a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, ServeError> {
        let listen = |kind| signal(kind).map_err(|error| ServeError::Failed(format!("cannot hear signals: {error}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
