//! Leader election: among the processes that share a store, the holder of a lease runs the job. The others claim the
//! lease at intervals. The holder renews it beside its work, so that a long pass does not lose it; if it is lost all
//! the same, the fence rejects the writes that are still under way.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rekindle_core::store::{Claim, Fence, LeaseName};
use rekindle_core::{Ids, RandomIds, StoreError, Tracker};
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::backoff::{LONGEST_BACKOFF, backoff};

/// How long giving a lease back may take at a stop: a store that is away must not hold it up.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

/// The times of a lease. A killed holder is replaced after at most `lasts` and one `ask`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaseTiming {
    /// How long a claim holds.
    pub lasts: Duration,
    /// How long after a claim the holder renews it, and how long one claim may take.
    pub renew: Duration,
    /// How long a candidate waits between two claims.
    pub retry: Duration,
    /// The same in a process that was just started, which may well follow one that just died.
    pub initial_retry: Duration,
}

impl LeaseTiming {
    /// What servers go by.
    pub(crate) const DEFAULT: Self = Self {
        lasts: Duration::from_secs(6),
        renew: Duration::from_secs(2),
        retry: Duration::from_secs(2),
        initial_retry: Duration::from_millis(500),
    };

    /// Anything from three quarters of the wait, so that many candidates do not come at once.
    fn pause(&self, age: Duration) -> Duration {
        let most = if age < self.lasts + self.retry { self.initial_retry } else { self.retry };
        most.mul_f64(0.75 + fastrand::f64() / 4.0)
    }
}

/// One process's part in the question who does a job.
#[derive(Clone)]
pub(crate) struct LeaderElection {
    tracker: Tracker,
    job_name: &'static str,
    lease: LeaseName,
    holder: Uuid,
    terms: LeaseTiming,
    began: Instant,
    /// What this process has, as far as it knows.
    held: Arc<Mutex<Option<Fence>>>,
}

impl LeaderElection {
    /// A candidate for this lease, under an id of its own.
    pub(crate) fn new(tracker: Tracker, job_name: &'static str, lease: LeaseName, terms: LeaseTiming) -> Self {
        let (holder, began) = (RandomIds.new_id(), Instant::now());
        Self { tracker, job_name, lease, holder, terms, began, held: Arc::default() }
    }

    /// Does the work whenever, and as long as, this process has the lease. The work is handed a tracker that can write
    /// only while that is so, and ends when it hears [`rekindle_core::Error::Fenced`]. Never ends.
    pub(crate) async fn run_while_leader<F: Future<Output = ()>>(&self, work: impl Fn(Tracker) -> F) {
        loop {
            let fence = self.acquire().await;
            self.hold(Some(fence));
            info!(job_name = self.job_name, "This process now does this background job");
            tokio::select! {
                () = work(self.tracker.with_fence(fence)) => {}
                () = self.until_lost(fence) => {}
            }
            self.hold(None);
            info!(job_name = self.job_name, "This process no longer does this background job: another took over");
            tokio::time::sleep(self.terms.pause(Duration::ZERO)).await;
        }
    }

    /// Gives the lease back, if this process has it, so that another has it at once. To be called when [`Self::run_while_leader`] no
    /// longer runs.
    pub(crate) async fn release(&self) {
        let Some(fence) = self.hold(None) else { return };
        let cause = match tokio::time::timeout(RELEASE_TIMEOUT, self.tracker.store().release(fence)).await {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        // It runs out by itself.
        debug!(job_name = self.job_name, cause, "The lease of a background job could not be given back");
    }

    /// Claims the lease until this process has it. The first attempt is immediate.
    async fn acquire(&self) -> Fence {
        let mut failures = 0;
        loop {
            let pause = match self.claim().await {
                Ok(Some(fence)) => return fence,
                Ok(None) => {
                    failures = 0;
                    self.terms.pause(self.began.elapsed())
                }
                Err(failure) => {
                    warn!(job_name = self.job_name, cause = %failure, "The store cannot say who does this job");
                    failures += 1;
                    backoff(failures, Duration::from_millis(100), LONGEST_BACKOFF)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Renews the lease until another process has it. While the store is unavailable no other process can claim it, so
    /// that a failed renewal loses nothing.
    async fn until_lost(&self, fence: Fence) {
        let mut failures = 0;
        let mut pause = self.terms.renew;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.claim().await {
                Ok(Some(same)) if same == fence => {
                    failures = 0;
                    self.terms.renew
                }
                Ok(_) => return,
                Err(failure) => {
                    debug!(job_name = self.job_name, cause = %failure, "A lease could not be renewed");
                    failures += 1;
                    backoff(failures, Duration::from_millis(100), LONGEST_BACKOFF.min(self.terms.renew))
                }
            };
        }
    }

    async fn claim(&self) -> Result<Option<Fence>, StoreError> {
        let claim = Claim { lease: self.lease, holder: self.holder, ttl: self.terms.lasts };
        // No longer than a renewal: another connection may be quicker than this one's time limit.
        let answer = tokio::time::timeout(self.terms.renew, self.tracker.store().claim(claim)).await;
        answer.unwrap_or_else(|_| Err(StoreError::TimedOut("a claim took too long".to_owned())))
    }

    /// Notes what this process has; answers what it had.
    fn hold(&self, fence: Option<Fence>) -> Option<Fence> {
        std::mem::replace(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner), fence)
    }
}

#[cfg(test)]
mod tests;
