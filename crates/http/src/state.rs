//! The state that all requests share: the use cases, and the parts that admit, limit, record and report.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rekindle_core::Tracker;
use rekindle_jobs::JobRegistry;
use rekindle_layers::CircuitBreaker;
use rekindle_telemetry::metrics::Metrics;

use crate::admission::Admission;
use crate::auth::ApiKeys;
use crate::auth::key_cache::ApiKeyCache;
use crate::cors::AllowedOrigins;
use crate::denied_log::DeniedLog;
use crate::health::Checks;
use crate::rate_limit::{RateLimiter, RateLimits};
use crate::readiness::Readiness;

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

/// The state that all requests share.
pub struct AppState {
    /// The use cases.
    pub tracker: Tracker,
    /// The parts of the server that the API reports on.
    pub handles: ServerHandles,
    /// The admission of requests; it ends with the shutdown.
    pub admission: Admission,
    pub(crate) limits: Limits,
    pub(crate) api_keys: ApiKeyCache,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) denied_log: DeniedLog,
    pub(crate) readiness: Readiness,
    pub(crate) health: Checks,
    pub(crate) started: Instant,
    /// Whether the upkeep was started.
    pub(crate) has_upkeep: AtomicBool,
}

impl AppState {
    /// Returns a state with these use cases, limits and handles. Its uptime starts now.
    pub fn with_handles(tracker: Tracker, limits: Limits, handles: ServerHandles) -> Arc<Self> {
        let tracker = tracker.with_observer(Arc::new(handles.metrics.clone()));
        Arc::new(Self {
            admission: Admission::new(limits.max_in_flight),
            api_keys: ApiKeyCache::new(limits.api_keys.clone()),
            rate_limiter: RateLimiter::new(limits.rate_limits),
            denied_log: DeniedLog::default(),
            readiness: Readiness::default(),
            health: Checks::standard(&tracker, handles.circuit.clone(), &handles.jobs),
            started: Instant::now(),
            has_upkeep: AtomicBool::new(false),
            tracker,
            limits,
            handles,
        })
    }
}
