//! Records refused requests in the audit log: an invalid key, or a key without the right. Requests do not wait for the
//! write. The queue is bounded; events that do not fit are counted, and the log reports the number.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::{Actor, Clock, Error, KeyId, StoreError, SystemClock, Tracker};
use tracing::warn;
use uuid::Uuid;

use crate::auth::context::AuthContext;
use crate::error::ApiError;
use crate::redact;
use rekindle_telemetry::metrics::Metrics;

/// The most requests in the queue; at most `BATCH` of them are written in one commit.
const MAX_QUEUED: usize = 1024;
const BATCH: usize = 256;

/// One refused request, as an event.
#[derive(Debug)]
pub(crate) struct DeniedRequest(Event);

impl DeniedRequest {
    /// Returns the event of a request whose key was refused. `key` is the id of the key, if the service knows it.
    pub(crate) fn unauthenticated(request: Uuid, key: Option<KeyId>, req: &ServiceRequest, error: &ApiError) -> Self {
        let address = req.peer_addr().map(|peer| peer.ip());
        Self::of(Actor { key, address, request }, req.method(), &redact::path(req.path()), error)
    }

    /// Returns the event of a request that its key may not make.
    pub(crate) fn forbidden(auth: &AuthContext, req: &ServiceRequest, error: &ApiError) -> Self {
        Self::of(auth.actor(), req.method(), &redact::path(req.path()), error)
    }

    /// Returns the event of a request that the use case refused. `path` is the route's template.
    pub(crate) fn by_use_case(auth: &AuthContext, method: &Method, path: &str, error: &ApiError) -> Self {
        Self::of(auth.actor(), method, path, error)
    }

    fn of(actor: Actor, method: &Method, endpoint: &str, error: &ApiError) -> Self {
        let event = Event::new(SystemClock.now(), EventKind::AccessRefused, Subject::Service)
            .with("method", method.as_str())
            .with("endpoint", endpoint)
            .with("status", error.status.as_u16())
            .with("code", error.code.as_str());
        Self(Event { by: Some(actor), ..event })
    }
}

/// The queue of refused requests that are not in the audit log yet.
#[derive(Debug, Default)]
pub(crate) struct DeniedLog {
    queue: Mutex<VecDeque<Event>>,
    dropped: AtomicU64,
}

impl DeniedLog {
    /// Adds an event to the queue.
    pub(crate) fn push(&self, DeniedRequest(event): DeniedRequest) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() < MAX_QUEUED {
            queue.push_back(event);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes the queue to the audit log in one commit. Events that the store does not take remain, if there is room.
    pub(crate) async fn flush(&self, tracker: &Tracker, metrics: &Metrics) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            metrics.audit_entries_dropped(dropped);
            warn!(dropped, "So many refusals that not all of them are in the audit trail");
        }
        let batch = self.take();
        if batch.is_empty() {
            return;
        }
        match tracker.append_events(batch.clone()).await {
            Ok(()) => {}
            // The commit may have happened: a missing event is better than one that is recorded twice.
            Err(Error::Store(error @ StoreError::Unknown(_))) => {
                warn!(refusals = batch.len(), cause = %error, "Refusals may be missing from the audit trail");
            }
            Err(error) => {
                warn!(refusals = batch.len(), cause = %error, "Refusals are not in the audit trail yet");
                self.put_back(batch);
            }
        }
    }

    fn take(&self) -> Vec<Event> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let count = queue.len().min(BATCH);
        queue.drain(..count).collect()
    }

    fn put_back(&self, batch: Vec<Event>) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        for event in batch.into_iter().rev() {
            if queue.len() < MAX_QUEUED {
                queue.push_front(event);
            } else {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
