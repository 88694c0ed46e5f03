//! Who was not let in, or asked for what their key may not do: written to the audit trail beside the requests, which
//! do not wait for it. The queue is bounded; what does not fit is counted, and the number is in the log.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use actix_web::dev::ServiceRequest;
use rekindle_core::event::{Event, EventKind, Subject};
use rekindle_core::{Actor, Clock, SystemClock, Tracker};
use tracing::warn;
use uuid::Uuid;

use super::Visit;
use crate::ApiError;
use crate::metrics::Metrics;

/// As many refusals wait at most; as many are written in one commit.
const MOST: usize = 1024;
const BATCH: usize = 100;
/// As much of a path is kept.
const LONGEST_PATH: usize = 200;

/// One refusal.
#[derive(Debug)]
pub struct Refused(Event);

impl Refused {
    /// Of a request without a key that is let in.
    pub fn not_let_in(request: Uuid, req: &ServiceRequest, error: &ApiError) -> Self {
        Self::of(Actor { key: None, address: req.peer_addr().map(|peer| peer.ip()), request }, req, error)
    }

    /// Of a request that its key may not make.
    pub fn forbidden(visit: &Visit, req: &ServiceRequest, error: &ApiError) -> Self {
        Self::of(visit.actor(), req, error)
    }

    fn of(actor: Actor, req: &ServiceRequest, error: &ApiError) -> Self {
        let endpoint: String = req.path().chars().take(LONGEST_PATH).collect();
        let event = Event::new(SystemClock.now(), EventKind::AccessRefused, Subject::Service)
            .with("method", req.method().as_str())
            .with("endpoint", endpoint)
            .with("status", error.status.as_u16())
            .with("code", error.code.as_str());
        Self(Event { by: Some(actor), ..event })
    }
}

/// See the top of the file.
#[derive(Debug, Default)]
pub struct Refusals {
    waiting: Mutex<VecDeque<Event>>,
    dropped: AtomicU64,
}

impl Refusals {
    /// Has one written down soon.
    pub fn note(&self, Refused(event): Refused) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST {
            waiting.push_back(event);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes down what waits. What the store does not take waits on, as long as there is room.
    pub async fn write_down(&self, tracker: &Tracker, metrics: &Metrics) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            metrics.audit_entries_dropped(dropped);
            warn!(dropped, "So many refusals that not all of them are in the audit trail");
        }
        loop {
            let batch = self.take();
            if batch.is_empty() {
                return;
            }
            if let Err(error) = tracker.note(batch.clone()).await {
                warn!(refusals = batch.len(), cause = %error, "Refusals are not in the audit trail yet");
                self.put_back(batch);
                return;
            }
        }
    }

    fn take(&self) -> Vec<Event> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(BATCH);
        waiting.drain(..count).collect()
    }

    fn put_back(&self, batch: Vec<Event>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for event in batch.into_iter().rev() {
            if waiting.len() < MOST {
                waiting.push_front(event);
            } else {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
