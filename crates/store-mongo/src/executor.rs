//! Runs every call to the database: in a task of its own, since a call that is dropped half-way costs a connection and
//! may leave a transaction open; within the caller's time; and no more at once than the database can serve.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rekindle_core::store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::ReadError;

/// How many calls may run or wait for a permit; one more is rejected.
const MAX_ADMITTED: u32 = 4096;
/// How many calls may run at once.
const MAX_RUNNING: usize = 256;

/// After how many time limits a call is abandoned whose caller has gone: it must not keep its permit for ever.
const ABANDONED_AFTER_TIMEOUTS: u32 = 3;

/// Runs calls until it is closed.
#[derive(Debug)]
pub(crate) struct CallExecutor {
    timeout: Duration,
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    closed: AtomicBool,
}

/// The right of one call to run.
struct CallPermit {
    _admitted: OwnedSemaphorePermit,
    _running: OwnedSemaphorePermit,
}

impl CallExecutor {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            admitted: Arc::new(Semaphore::new(MAX_ADMITTED as usize)),
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
            closed: AtomicBool::new(false),
        }
    }

    /// Returns how long a caller waits.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Fails with `Unavailable` once the store is closed.
    pub(crate) fn ensure_open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    /// Runs a read. The result of one that takes too long is dropped.
    ///
    /// # Errors
    /// The read's own, `TimedOut`, `Unavailable` when the store is closed, `Overloaded` when too many calls are under way.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match timeout_at(deadline, self.run(work)).await {
            Ok(Ok(result)) => Ok(result?),
            Ok(Err(CallError::Rejected(error))) => Err(error),
            Ok(Err(CallError::Ended)) => {
                Err(StoreError::Unavailable("the call's task ended without an answer".to_owned()))
            }
            Err(_) => Err(StoreError::TimedOut(format!("no answer within {:?}", self.timeout))),
        }
    }

    /// Runs a write to its end, whether or not its caller still waits.
    ///
    /// # Errors
    /// The write's own, `Unknown` when it takes too long, `Unavailable` when the store is closed, `Overloaded` when too
    /// many calls are under way.
    pub(crate) async fn write<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E> {
        match timeout(self.timeout, self.run(work)).await {
            Ok(Ok(result)) => result,
            Ok(Err(CallError::Rejected(error))) => Err(error.into()),
            Ok(Err(CallError::Ended)) => {
                Err(StoreError::Unknown("the call's task ended without an answer".to_owned()).into())
            }
            Err(_) => Err(StoreError::Unknown(format!("no answer within {:?}", self.timeout)).into()),
        }
    }

    /// Runs work in the background, if there is room for it now; only [`CallExecutor::close`] waits for it. The work must
    /// end by itself within the time of a call.
    pub(crate) fn spawn_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(admitted) = Arc::clone(&self.admitted).try_acquire_owned() else { return };
        // Checked after the permit is taken, as in `permit`.
        if self.ensure_open().is_err() {
            return;
        }
        tokio::spawn(async move {
            work.await;
            drop(admitted);
        });
    }

    /// Rejects further calls, and waits until those under way have ended.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let all = Arc::clone(&self.admitted).acquire_many_owned(MAX_ADMITTED).await;
        self.admitted.close();
        drop(all);
    }

    async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, CallError> {
        let permit = self.permit().await.map_err(CallError::Rejected)?;
        let limit = self.timeout * ABANDONED_AFTER_TIMEOUTS;
        let task = tokio::spawn(async move {
            let result = timeout(limit, work).await;
            drop(permit);
            result
        });
        task.await.map_err(|_| CallError::Ended)?.map_err(|_| CallError::Ended)
    }

    /// Waits for a permit, for half of the caller's time at most: a call that begins later would end too late.
    async fn permit(&self) -> Result<CallPermit, StoreError> {
        self.ensure_open()?;
        let overloaded = || StoreError::Overloaded("too many calls are waiting for the database".to_owned());
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| overloaded())?;
        // Checked again after the permit is taken: a close that began in between waits for this permit.
        self.ensure_open()?;
        let running = timeout(self.timeout / 2, Arc::clone(&self.running).acquire_owned()).await;
        let running = running.map_err(|_| overloaded())?.map_err(|_| closed())?;
        Ok(CallPermit { _admitted: admitted, _running: running })
    }
}

/// Why a call has no result.
enum CallError {
    /// It was never begun.
    Rejected(StoreError),
    /// Its task panicked, or the runtime went down.
    Ended,
}

/// Returns the error of every call to a closed store.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

#[cfg(test)]
mod tests;
