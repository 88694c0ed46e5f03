//! Limits the number of concurrent requests, and refuses new ones during shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, ErrorHeader};
use rekindle_api::ErrorCode;

/// The largest number of concurrent requests that can be configured.
const MOST_IN_FLIGHT: usize = 1 << 24;

/// Admits requests up to a limit, and none during shutdown.
pub struct Admission {
    in_flight: Arc<Semaphore>,
    max_in_flight: usize,
    draining: Arc<AtomicBool>,
}

impl Admission {
    /// Returns an admission of at most this many concurrent requests; at least one.
    pub(crate) fn new(max_in_flight: usize) -> Self {
        let max_in_flight = max_in_flight.clamp(1, MOST_IN_FLIGHT);
        Self { in_flight: Arc::new(Semaphore::new(max_in_flight)), max_in_flight, draining: Arc::default() }
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
        Arc::clone(&self.in_flight).try_acquire_owned().map_err(|_| {
            let most = self.max_in_flight;
            let message =
                format!("the service works on {most} requests already; nothing was changed; try again in a moment");
            let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::StoreUnavailable, message);
            ApiError { header: ErrorHeader::RetryAfter(1), ..error }
        })
    }

    /// Begins the shutdown: `/ready` fails from now on, and new requests are refused with 503.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether the service is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Returns the flag that [`Admission::is_draining`] reads, so that it can be read later.
    pub(crate) fn draining(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.draining)
    }

    /// Waits until no request is in progress. Only useful after [`Admission::drain`], when no new ones are admitted.
    pub async fn drained(&self) {
        let all = u32::try_from(self.max_in_flight).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _ = self.in_flight.acquire_many(all).await;
    }
}
