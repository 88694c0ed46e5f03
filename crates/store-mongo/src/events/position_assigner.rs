//! Assigns positions beside the commits of this process, once it has committed many events: otherwise the next reader
//! would wait for all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::positions::{EVENTS_PER_TRANSACTION, assign_positions};
use crate::database::Database;

/// The number of committed events that starts an assignment: those of one transaction.
const THRESHOLD: u64 = EVENTS_PER_TRANSACTION as u64;
/// The pause between two transactions, for the other work of the database.
const PAUSE: Duration = Duration::from_millis(50);

/// Counts the events that this process commits.
#[derive(Debug, Default)]
pub(crate) struct PositionAssigner {
    committed: AtomicU64,
    running: AtomicBool,
    closed: AtomicBool,
}

/// The right to assign, held by one task of the process until it is dropped.
#[derive(Debug)]
pub(crate) struct AssignerGuard(Arc<PositionAssigner>);

impl PositionAssigner {
    /// Counts committed events. Returns a guard when an assignment is due and none is running.
    pub(crate) fn record_committed(self: &Arc<Self>, events: usize) -> Option<AssignerGuard> {
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        let before = self.committed.fetch_add(events, Ordering::Relaxed);
        if before.saturating_add(events) < THRESHOLD || self.running.swap(true, Ordering::AcqRel) {
            return None;
        }
        self.committed.store(0, Ordering::Relaxed);
        Some(AssignerGuard(Arc::clone(self)))
    }

    /// Lets a running assignment stop after its current transaction.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

impl AssignerGuard {
    /// Assigns positions while a whole transaction's worth is pending, at most until the deadline. A failure is only
    /// logged: readers do the rest.
    pub(crate) async fn assign_pending(self, database: &Database, deadline: Instant) {
        while !self.0.closed.load(Ordering::Acquire) && Instant::now() < deadline {
            let assigned = assign_positions(database, deadline);
            match database.primary_monitor.run_until_failover(database.call_timeout, assigned).await {
                Some(Ok(assigned)) if assigned == THRESHOLD => sleep(PAUSE).await,
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
        self.0.running.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
