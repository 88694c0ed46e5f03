//! The state that all requests share: the use cases, the API keys, and the limits.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use rekindle_core::{Error, StoreError, Tracker};
use rekindle_layers::CircuitBreaker;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use crate::auth::ApiKeys;
use crate::auth::key_cache::ApiKeyCache;
use crate::cors::AllowedOrigins;
use crate::denied_log::DeniedLog;
use crate::error::{ApiError, ErrorHeader};
use crate::health::Checks;
use crate::rate_limit::{RateLimiter, RateLimits};
use crate::readiness::Readiness;
use rekindle_api::ErrorCode;
use rekindle_jobs::JobRegistry;
use rekindle_telemetry::metrics::Metrics;
use rekindle_telemetry::traces;

/// The largest number of concurrent requests that can be configured.
const MOST_IN_FLIGHT: usize = 1 << 24;

/// The pause between two rounds of upkeep: a revoked key may remain valid that long.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The number of failed reads of the keys after which a warning is logged.
const STALE_KEYS: u32 = 10;

/// The API keys and the limits of a service.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The API keys of the settings, which are administrators'.
    pub api_keys: ApiKeys,
    /// The time limit of a request.
    pub request_timeout: Duration,
    /// The largest body, in bytes.
    pub max_body_bytes: usize,
    /// The most concurrent requests; at least one.
    pub max_in_flight: usize,
    /// The rate limits per minute.
    pub rate_limits: RateLimits,
    /// The origins whose pages may use the API from a browser.
    pub allowed_origins: AllowedOrigins,
}

/// The parts of the server that the API reports on.
#[derive(Clone)]
pub struct ServerHandles {
    /// The metrics of the process.
    pub metrics: Metrics,
    /// The circuit breaker of the store, if there is one.
    pub circuit: Option<Arc<CircuitBreaker>>,
    /// The state of the background jobs.
    pub jobs: JobRegistry,
    /// The name of the environment, shown by `/health/detailed`.
    pub environment: String,
}

/// The state that all requests share. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    tracker: Tracker,
    shared: Arc<Shared>,
}

struct Shared {
    limits: Limits,
    started: Instant,
    draining: Arc<AtomicBool>,
    readiness: Readiness,
    keys: ApiKeyCache,
    denied_log: DeniedLog,
    kept: AtomicBool,
    limiter: RateLimiter,
    in_flight: Arc<Semaphore>,
    handles: ServerHandles,
    checks: Checks,
}

impl AppState {
    /// Returns a state with these use cases, limits and handles. Its uptime starts now.
    pub fn with_handles(tracker: Tracker, limits: Limits, surroundings: ServerHandles) -> Self {
        let tracker = tracker.with_observer(Arc::new(surroundings.metrics.clone()));
        let most = limits.max_in_flight.clamp(1, MOST_IN_FLIGHT);
        let shared = Shared {
            keys: ApiKeyCache::new(limits.api_keys.clone()),
            denied_log: DeniedLog::default(),
            kept: AtomicBool::new(false),
            limiter: RateLimiter::new(limits.rate_limits),
            in_flight: Arc::new(Semaphore::new(most)),
            limits,
            started: Instant::now(),
            draining: Arc::default(),
            readiness: Readiness::default(),
            checks: Checks::standard(&tracker, surroundings.circuit.clone(), &surroundings.jobs),
            handles: surroundings,
        };
        Self { tracker, shared: Arc::new(shared) }
    }

    /// Returns the use cases.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    pub(crate) fn keys(&self) -> &ApiKeyCache {
        &self.shared.keys
    }

    pub(crate) fn denied_log(&self) -> &DeniedLog {
        &self.shared.denied_log
    }

    /// Writes the refused requests that are still in memory to the audit log.
    pub async fn flush_denied_log(&self) {
        self.shared.denied_log.flush(&self.tracker, &self.shared.handles.metrics).await;
    }

    /// Reads the API keys of the store anew.
    ///
    /// # Errors
    /// Fails with the error of the store.
    pub async fn refresh_keys(&self) -> Result<(), Error> {
        self.shared.keys.refresh(&self.tracker).await
    }

    /// Starts the upkeep that runs every second: it refreshes the API keys, writes refused requests to the audit log,
    /// and maintains the metrics. It ends when the last clone of this state is dropped. A second call does nothing,
    /// nor does a call outside of a runtime.
    pub fn spawn_upkeep(&self) {
        let already = self.shared.kept.load(Ordering::Relaxed) || Handle::try_current().is_err();
        if already || self.shared.kept.swap(true, Ordering::SeqCst) {
            return;
        }
        // Two tasks: slow writes must not delay the refresh, which would keep a revoked key valid.
        let (tracker, shared) = (self.tracker.clone(), Arc::downgrade(&self.shared));
        tokio::spawn(async move {
            let mut failures: u32 = 0;
            while let Some(shared) = shared.upgrade() {
                match shared.keys.refresh(&tracker).await {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        failures = failures.saturating_add(1);
                        if failures.is_multiple_of(STALE_KEYS) {
                            warn!(cause = %error, failures, "The API keys could not be read; the last copy stands");
                        }
                    }
                }
                drop(shared);
                tokio::time::sleep(UPKEEP_INTERVAL).await;
            }
        });
        let (tracker, shared) = (self.tracker.clone(), Arc::downgrade(&self.shared));
        tokio::spawn(async move {
            while let Some(shared) = shared.upgrade() {
                shared.denied_log.flush(&tracker, &shared.handles.metrics).await;
                shared.handles.metrics.run_upkeep();
                drop(shared);
                tokio::time::sleep(UPKEEP_INTERVAL).await;
            }
        });
    }

    /// Returns the time limit of a request.
    pub fn request_timeout(&self) -> Duration {
        self.shared.limits.request_timeout
    }

    /// Returns the largest body, in bytes.
    pub fn max_body_bytes(&self) -> usize {
        self.shared.limits.max_body_bytes
    }

    pub(crate) fn allowed_origins(&self) -> &AllowedOrigins {
        &self.shared.limits.allowed_origins
    }

    pub(crate) fn limiter(&self) -> &RateLimiter {
        &self.shared.limiter
    }

    /// Returns the metrics of the process.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.handles.metrics
    }

    /// Returns the circuit breaker of the store, if there is one.
    pub fn circuit(&self) -> Option<&Arc<CircuitBreaker>> {
        self.shared.handles.circuit.as_ref()
    }

    /// Returns the state of the background jobs.
    pub fn jobs(&self) -> &JobRegistry {
        &self.shared.handles.jobs
    }

    /// Returns the name of the environment, as `/health/detailed` shows it.
    pub(crate) fn environment(&self) -> &str {
        &self.shared.handles.environment
    }

    pub(crate) fn checks(&self) -> &Checks {
        &self.shared.checks
    }

    /// Returns the page of `/metrics`.
    pub(crate) async fn metrics_page(&self) -> String {
        let ServerHandles { metrics, circuit, jobs, .. } = &self.shared.handles;
        let successes = jobs.shown().into_iter().filter_map(|job| Some((job.name, job.last_success?)));
        let successes: Vec<_> = successes.collect();
        metrics.page(self.tracker.store().as_ref(), circuit.as_deref(), &successes).await
    }

    /// Returns a permit for one concurrent request, which is held until it is dropped.
    ///
    /// # Errors
    /// Fails with 503 if all permits are in use, or if the service is shutting down. A queue would only make requests
    /// exceed their time limit.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        if self.is_draining() {
            return Err(ApiError::draining());
        }
        Arc::clone(&self.shared.in_flight).try_acquire_owned().map_err(|_| {
            let most = self.shared.limits.max_in_flight;
            let message =
                format!("the service works on {most} requests already; nothing was changed; try again in a moment");
            let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::StoreUnavailable, message);
            ApiError { header: ErrorHeader::RetryAfter(1), ..error }
        })
    }

    /// Waits until no request is in progress. Only useful after [`AppState::drain`], when no new ones are let in.
    pub async fn drained(&self) {
        let most = self.shared.limits.max_in_flight.clamp(1, MOST_IN_FLIGHT);
        let all = u32::try_from(most).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _ = self.shared.in_flight.acquire_many(all).await;
    }

    /// Returns the time since the start.
    pub fn uptime(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Begins the shutdown: `/ready` fails from now on, and new requests are refused with 503.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::SeqCst);
    }

    /// Returns the flag that [`AppState::is_draining`] reads, so that it can be read later.
    pub(crate) fn draining(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.draining)
    }

    /// Whether the service is shutting down.
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// Checks whether the store can serve.
    ///
    /// # Errors
    /// Fails with 503 for any reason, so that a load balancer chooses another server.
    pub async fn store_ready(&self) -> Result<(), ApiError> {
        let ready = self.shared.readiness.of(self.tracker.store().as_ref()).await;
        ready.map_err(|error| match error {
            // These map to 503 with a message of their own.
            StoreError::CircuitOpen { .. } | StoreError::Overloaded(_) => error.into(),
            StoreError::Unavailable(_) | StoreError::TimedOut(_) | StoreError::Unknown(_) | StoreError::Corrupt(_) => {
                StoreError::Unavailable(error.to_string()).into()
            }
        })
    }

    /// Runs one use case to its end, under this name in traces. A disconnect of the client or a time limit does not
    /// cancel it half-way: an abandoned use case continues in a task of its own.
    ///
    /// # Errors
    /// Fails with the errors of the use case.
    pub async fn run<T, W, F>(&self, name: &'static str, use_case: W) -> Result<T, ApiError>
    where
        W: FnOnce(Tracker) -> F,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let work = Box::pin(traces::use_case(name, use_case(self.tracker.clone())));
        Ok(RunToCompletion(Some(work)).await?)
    }
}

/// A future that continues in a task of its own if it is dropped. Until then it needs no task.
struct RunToCompletion<F: Future<Output: Send + 'static> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send + 'static> + Send + 'static> Future for RunToCompletion<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        // The future is taken out while it is polled: after a panic it must not be polled again.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<F: Future<Output: Send + 'static> + Send + 'static> Drop for RunToCompletion<F> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
