//! What every request needs: the use cases, who is let in, and the limits.

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

use crate::access::{ApiKeyCache, DeniedLog};
use crate::auth::ApiKeys;
use crate::cors::AllowedOrigins;
use crate::error::{ApiError, ErrorHeader};
use crate::health::Checks;
use crate::rate_limit::{RateLimiter, RateLimits};
use crate::readiness::Readiness;
use rekindle_api::ErrorCode;
use rekindle_jobs::JobRegistry;
use rekindle_telemetry::metrics::Metrics;
use rekindle_telemetry::traces;

/// As many requests at once can be counted.
const MOST_IN_FLIGHT: usize = 1 << 24;

/// How long after its last round housekeeping goes on: a key that is taken away is good so much longer.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);
/// After so many rounds in which the keys could not be read it is said that they are old.
const STALE_KEYS: u32 = 10;

/// Who is let in, and how much may be asked.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The keys that are let in.
    pub api_keys: ApiKeys,
    /// The longest that a request may take.
    pub request_timeout: Duration,
    /// The largest body.
    pub max_body_bytes: usize,
    /// As many requests are worked on at once; at least one.
    pub max_in_flight: usize,
    /// How many may be asked within a minute.
    pub rate_limits: RateLimits,
    /// The pages that may ask from a browser.
    pub allowed_origins: AllowedOrigins,
}

/// What is round the use cases, to be seen from outside.
#[derive(Clone)]
pub struct ServerHandles {
    /// Where everything is counted.
    pub metrics: Metrics,
    /// The circuit to the store, if there is one.
    pub circuit: Option<Arc<CircuitBreaker>>,
    /// What became of the background jobs.
    pub jobs: JobRegistry,
    /// Shown by `/health/detailed`.
    pub environment: String,
}

/// What every request needs. Cheap to clone.
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
    /// The use cases, offered within these limits. Its uptime begins now.
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

    /// The use cases.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Who is let in.
    pub(crate) fn keys(&self) -> &ApiKeyCache {
        &self.shared.keys
    }

    /// Who was refused.
    pub(crate) fn denied_log(&self) -> &DeniedLog {
        &self.shared.denied_log
    }

    /// Writes to the audit log who was refused and is not in it yet.
    pub async fn flush_denied_log(&self) {
        self.shared.denied_log.flush(&self.tracker, &self.shared.handles.metrics).await;
    }

    /// Takes a fresh copy of the keys that were handed out.
    ///
    /// # Errors
    /// The store's.
    pub async fn refresh_keys(&self) -> Result<(), Error> {
        self.shared.keys.refresh(&self.tracker).await
    }

    /// Sees from now on, every second, to what need not be done within a request: fresh copies of the keys, the refusals'
    /// way into the audit trail, metrics that grow. Ends when nobody has this context any more; a second call does nothing.
    pub fn spawn_upkeep(&self) {
        if self.shared.kept.swap(true, Ordering::SeqCst) {
            return;
        }
        // Two tasks: a store that is slow to write must not keep a key good that was taken away.
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

    /// The longest that a request may take.
    pub fn request_timeout(&self) -> Duration {
        self.shared.limits.request_timeout
    }

    /// The largest body.
    pub fn max_body_bytes(&self) -> usize {
        self.shared.limits.max_body_bytes
    }

    /// The pages that may ask from a browser.
    pub(crate) fn allowed_origins(&self) -> &AllowedOrigins {
        &self.shared.limits.allowed_origins
    }

    /// Counts who asks how often.
    pub(crate) fn limiter(&self) -> &RateLimiter {
        &self.shared.limiter
    }

    /// Where everything is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.handles.metrics
    }

    /// The circuit to the store, if there is one.
    pub fn circuit(&self) -> Option<&Arc<CircuitBreaker>> {
        self.shared.handles.circuit.as_ref()
    }

    /// What became of the background jobs.
    pub fn jobs(&self) -> &JobRegistry {
        &self.shared.handles.jobs
    }

    /// As `/health/detailed` shows it.
    pub(crate) fn environment(&self) -> &str {
        &self.shared.handles.environment
    }

    /// What the service depends on.
    pub(crate) fn checks(&self) -> &Checks {
        &self.shared.checks
    }

    /// What `/metrics` shows.
    pub(crate) async fn metrics_page(&self) -> String {
        let ServerHandles { metrics, circuit, jobs, .. } = &self.shared.handles;
        let successes = jobs.shown().into_iter().filter_map(|job| Some((job.name, job.last_success?)));
        let successes: Vec<_> = successes.collect();
        metrics.page(self.tracker.store().as_ref(), circuit.as_deref(), &successes).await
    }

    /// A place among the requests that are worked on at once, held until it is dropped.
    ///
    /// # Errors
    /// 503: all are taken, or the service is shutting down. What is worked on will be done in time; what waits on top of
    /// that would not.
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

    /// Waits until nothing is worked on. Only of use while nothing new is let in: see [`AppState::drain`].
    pub async fn drained(&self) {
        let most = self.shared.limits.max_in_flight.clamp(1, MOST_IN_FLIGHT);
        let all = u32::try_from(most).unwrap_or(u32::MAX);
        // It cannot be closed: nobody closes it.
        let _ = self.shared.in_flight.acquire_many(all).await;
    }

    /// For how long it has been running.
    pub fn uptime(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// From now on `/ready` says no, so that others are asked instead, and so is whoever asks for anything new.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::SeqCst);
    }

    /// What [`AppState::is_draining`] looks at, for whoever looks later.
    pub(crate) fn draining(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.draining)
    }

    /// Whether it is shutting down.
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// Whether the store can serve.
    ///
    /// # Errors
    /// Why not, as 503 whatever the reason: others are to be asked instead.
    pub async fn store_ready(&self) -> Result<(), ApiError> {
        let ready = self.shared.readiness.of(self.tracker.store().as_ref()).await;
        ready.map_err(|error| match error {
            // These say what stands in the way, and are 503 by themselves.
            StoreError::CircuitOpen { .. } | StoreError::Overloaded(_) => error.into(),
            StoreError::Unavailable(_) | StoreError::TimedOut(_) | StoreError::Unknown(_) | StoreError::Corrupt(_) => {
                StoreError::Unavailable(error.to_string()).into()
            }
        })
    }

    /// Carries out one use case, which traces show under this name, to its end: a client that hangs up, or a time limit
    /// that is reached, must not cancel a store's work half-way. What is abandoned goes on in a task of its own.
    ///
    /// # Errors
    /// The use case's own.
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

/// A future that is not cancelled by being dropped. While somebody waits for it, it costs no task.
struct RunToCompletion<F: Future<Output: Send + 'static> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send + 'static> + Send + 'static> Future for RunToCompletion<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        // Taken out while it is polled: one that panics must not be polled again.
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
