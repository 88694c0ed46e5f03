//! Puts a server together and starts it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use rekindle_core::{Clock, RandomIds, Store, SystemClock, Tracker};
use rekindle_http::{
    ApiError, AppState, Limits, ServerHandles, configure, new_metrics, not_found_route, protocol_error_body,
};
use rekindle_jobs::{DetectionJob, JobRegistry, RetentionJob, Scheduler};
use rekindle_layers::{CircuitBreaker, Layered, Traced, resilient};
use rekindle_listener::{Certificates, Connections, ListenOptions, bind, listen};
use rekindle_stores::{OpenStoreError, Opening};
use rekindle_telemetry::metrics::Metrics;
use tokio::time::timeout;
use tracing::info;

use crate::backup_job::BackupJob;
use crate::error::ServeError;
use crate::running::RunningServer;
use crate::serve;
use crate::settings::Settings;

/// How long the start waits for the stored API keys; without them it continues, and retries.
const KEY_LOAD_TIMEOUT: Duration = Duration::from_secs(2);

/// A server that is to be started.
pub struct ServerBuilder<'a> {
    settings: &'a Settings,
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    layered: bool,
}

impl<'a> ServerBuilder<'a> {
    /// A server with these settings, over the store that they name.
    pub fn new(settings: &'a Settings) -> Self {
        Self { settings, store: None, clock: Arc::new(SystemClock), layered: true }
    }

    /// Over this store. Of the settings, those of the store are not looked at.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// With this clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Without circuit breaker, retries and measurements round the store.
    #[must_use]
    pub fn without_layers(mut self) -> Self {
        self.layered = false;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the store cannot be opened, or when it cannot listen or speak TLS as it should.
    pub async fn start(self) -> Result<RunningServer, ServeError> {
        let metrics = new_metrics();
        let store = match &self.store {
            Some(store) => Arc::clone(store),
            None => open(self.settings, &metrics).await?,
        };
        let closing = self.store.is_none().then(|| Arc::clone(&store));
        let started = self.start_over(store, metrics).await;
        if let (Err(_), Some(store)) = (&started, closing) {
            store.close().await;
        }
        started
    }

    /// Starts it and runs it until SIGTERM or SIGINT; SIGHUP makes it read its certificate again. `on_listening` gets the
    /// address as soon as it answers there.
    ///
    /// # Errors
    /// See [`ServeError`]; an error of `on_listening` ends the server in good order.
    pub async fn run(self, on_listening: impl FnOnce(SocketAddr) -> std::io::Result<()>) -> Result<(), ServeError> {
        serve::serve(self.start(), on_listening).await
    }

    async fn start_over(self, store: Arc<dyn Store>, metrics: Metrics) -> Result<RunningServer, ServeError> {
        let (store, circuit) = if self.layered {
            let (store, circuit) = resilient(store, Arc::clone(&self.clock), metrics.clone());
            (store, Some(circuit))
        } else {
            (store, None)
        };
        let tracker = Tracker::new(store, Arc::clone(&self.clock), Arc::new(RandomIds), self.settings.policy);
        self.listen(tracker, metrics, circuit).await
    }

    async fn listen(
        self,
        tracker: Tracker,
        metrics: Metrics,
        circuit: Option<Arc<CircuitBreaker>>,
    ) -> Result<RunningServer, ServeError> {
        let certificates = self.settings.tls.as_ref().map(Certificates::read).transpose()?;
        let acceptor = certificates.as_ref().map(Certificates::acceptor).transpose()?;
        let (listener, address) = bind(&self.settings.host, self.settings.port).await.map_err(ServeError::Failed)?;
        let limits = Limits {
            api_keys: self.settings.api_keys.clone(),
            request_timeout: self.settings.request_timeout,
            max_body_bytes: self.settings.max_body_bytes,
            max_in_flight: self.settings.max_in_flight,
            rate_limits: self.settings.rate_limits,
            allowed_origins: self.settings.allowed_origins.clone(),
        };
        let board = JobRegistry::new(&metrics);
        let environment = self.settings.environment.clone();
        let handles = ServerHandles { metrics: metrics.clone(), circuit, jobs: board.clone(), environment };
        let state = AppState::with_handles(tracker, limits, handles);
        let tracker = state.tracker.clone();
        state.spawn_upkeep();
        // The first request must find the stored API keys.
        let _ = timeout(KEY_LOAD_TIMEOUT, state.refresh_keys()).await;
        let connections = Arc::new(Connections::default());
        let options = ListenOptions {
            connections: Arc::clone(&connections),
            tls: acceptor,
            drain_timeout: self.settings.drain_timeout,
            error_body: protocol_error_body,
        };
        let served = Arc::clone(&state);
        let app = move |config: &mut ServiceConfig| {
            configure(config, &served);
            config.default_service(not_found_route(&served));
        };
        let server = listen(listener, options, app)
            .map_err(|error| ServeError::Failed(format!("cannot listen on {address}: {error}")))?;
        let handle = server.handle();
        let server = tokio::spawn(server);
        let mut jobs = Scheduler::new(tracker, board, |failure| ApiError::from(failure).message);
        jobs.start(DetectionJob::new(metrics));
        jobs.start(RetentionJob::new(self.settings.cleanup.clone()));
        if let (Some(plan), Ok(file)) = (&self.settings.backup, self.settings.store.file()) {
            jobs.start(BackupJob::new(file.to_path_buf(), plan.clone()));
        }
        let scheme = if certificates.is_some() { "https" } else { "http" };
        info!(
            address = %address,
            url = %format_args!("{scheme}://{address}"),
            store = %self.settings.store,
            environment = self.settings.environment.as_str(),
            version = env!("CARGO_PKG_VERSION"),
            "listening on {scheme}://{address}"
        );
        let drain_timeout = self.settings.drain_timeout;
        Ok(RunningServer { address, state, drain_timeout, connections, handle, server, certificates, jobs })
    }
}

/// Opens the store that the settings name.
async fn open(settings: &Settings, metrics: &Metrics) -> Result<Arc<dyn Store>, ServeError> {
    let opening = Opening {
        call_timeout: settings.store_timeout,
        retention_days: settings.policy.retention_days,
        watch: metrics.batch_watch(),
    };
    let store = rekindle_stores::open(&settings.store, opening).await.map_err(|error| match error {
        OpenStoreError::Configuration(why) => ServeError::Store { name: settings.store_from, why },
        OpenStoreError::Failed(why) => ServeError::Failed(format!("the store cannot be opened: {why}")),
    })?;
    Ok(match &settings.telemetry {
        Some(_) => Arc::new(Layered::new(Traced::of(settings.store.system()), store)),
        None => store,
    })
}
