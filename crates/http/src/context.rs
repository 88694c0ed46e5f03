//! What every request needs: the use cases, who is let in, and the limits.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use rekindle_core::{Error, StoreError, Tracker};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ApiError;
use crate::api::ErrorCode;
use crate::auth::ApiKeys;
use crate::cors::AllowedOrigins;
use crate::error::ErrorHeader;
use crate::limit::{Limiter, RateLimits};
use crate::readiness::Readiness;
use crate::telemetry;

/// As many requests at once can be counted.
const MOST_IN_FLIGHT: usize = 1 << 24;

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

/// What every request needs. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    tracker: Tracker,
    shared: Arc<Shared>,
}

struct Shared {
    limits: Limits,
    started: Instant,
    draining: Arc<AtomicBool>,
    readiness: Readiness,
    limiter: Limiter,
    in_flight: Arc<Semaphore>,
}

impl Context {
    /// The use cases, offered within these limits. Its uptime begins now.
    pub fn new(tracker: Tracker, limits: Limits) -> Self {
        let most = limits.max_in_flight.clamp(1, MOST_IN_FLIGHT);
        let shared = Shared {
            limiter: Limiter::new(limits.rate_limits),
            in_flight: Arc::new(Semaphore::new(most)),
            limits,
            started: Instant::now(),
            draining: Arc::default(),
            readiness: Readiness::default(),
        };
        Self { tracker, shared: Arc::new(shared) }
    }

    /// The use cases.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Who is let in.
    pub fn api_keys(&self) -> &ApiKeys {
        &self.shared.limits.api_keys
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
    pub(crate) fn limiter(&self) -> &Limiter {
        &self.shared.limiter
    }

    /// A place among the requests that are worked on at once, held until it is dropped.
    ///
    /// # Errors
    /// 503: all are taken, or the service is shutting down. What is worked on will be done in time; what waits on top of
    /// that would not.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
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

    /// Waits until nothing is worked on. Only of use while nothing new is let in: see [`Context::drain`].
    pub(crate) async fn all_answered(&self) {
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

    /// What [`Context::is_draining`] looks at, for whoever looks later.
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
        ready.map_err(|error| {
            let is_open = matches!(error, StoreError::CircuitOpen { .. });
            if is_open { error.into() } else { StoreError::Unavailable(error.to_string()).into() }
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
        let work = Box::pin(telemetry::use_case(name, use_case(self.tracker.clone())));
        Ok(ToTheEnd(Some(work)).await?)
    }
}

/// A future that is not cancelled by being dropped. While somebody waits for it, it costs no task.
struct ToTheEnd<F: Future<Output: Send + 'static> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send + 'static> + Send + 'static> Future for ToTheEnd<F> {
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

impl<F: Future<Output: Send + 'static> + Send + 'static> Drop for ToTheEnd<F> {
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
