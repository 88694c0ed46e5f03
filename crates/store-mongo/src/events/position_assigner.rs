//! Events that a process has committed and that perhaps nobody has read. When there are many it gives them their positions
//! itself, beside its other work: otherwise the first question for the trail would wait for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{AT_ONCE, give_positions};
use crate::database::Database;

/// After how many events of ours we look: as many as one transaction takes.
const MANY: u64 = AT_ONCE as u64;
/// What others get between two transactions.
const REST: Duration = Duration::from_millis(50);

/// What this process knows of it.
#[derive(Debug, Default)]
pub struct Backlog {
    committed: AtomicU64,
    at_work: AtomicBool,
    closed: AtomicBool,
}

/// Whose turn it is to work it off: nobody else's until this is dropped.
#[derive(Debug)]
pub struct AssignerGuard(Arc<Backlog>);

impl Backlog {
    /// Notes that so many events were committed. Some: it is time to look, and nobody here is at it.
    pub fn record_committed(self: &Arc<Self>, events: usize) -> Option<AssignerGuard> {
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        let before = self.committed.fetch_add(events, Ordering::Relaxed);
        if before.saturating_add(events) < MANY || self.at_work.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.committed.store(0, Ordering::Relaxed);
        Some(AssignerGuard(Arc::clone(self)))
    }

    /// Whoever is at work stops after the transaction that it has begun.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

impl AssignerGuard {
    /// Gives positions while there is a transaction's worth of events without, at most until the deadline. Nobody waits for
    /// it, and whoever reads does the rest: so a failure is only noted.
    pub async fn assign_pending(self, collections: &Database, deadline: Instant) {
        while !self.0.closed.load(Ordering::Acquire) && Instant::now() < deadline {
            let given = give_positions(collections, deadline);
            match collections.losses.run_until_failover(collections.call_timeout, given).await {
                Some(Ok(given)) if given == MANY => sleep(REST).await,
                Some(Ok(_)) | None => return,
                Some(Err(error)) => {
                    tracing::debug!(%error, "events could not be given their positions");
                    return;
                }
            }
        }
    }
}

impl Drop for AssignerGuard {
    fn drop(&mut self) {
        self.0.at_work.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
