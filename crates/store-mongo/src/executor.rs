//! Every call to the database runs here: in a task of its own, since a call that is dropped half-way costs a connection
//! and may leave a transaction open; within the caller's time; and no more at once than the database can serve.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rekindle_core::store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::reads::ReadError;

/// How many calls may be under way or wait for their turn; one more is refused.
const ADMITTED: u32 = 4096;
/// How many calls may be under way.
const AT_ONCE: usize = 256;

/// After how many time limits a call is given up that nobody waits for any more: it must not keep its place for ever.
const FORGOTTEN_AFTER: u32 = 3;

/// The door to the database.
#[derive(Debug)]
pub struct CallExecutor {
    timeout: Duration,
    admitted: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
    closed: AtomicBool,
}

/// A call's place: others wait until it is dropped.
struct Place {
    _admitted: OwnedSemaphorePermit,
    _at_once: OwnedSemaphorePermit,
}

impl CallExecutor {
    /// A door at which callers wait at most this long.
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            admitted: Arc::new(Semaphore::new(ADMITTED as usize)),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            closed: AtomicBool::new(false),
        }
    }

    /// How long a caller waits.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether the store is still open.
    ///
    /// # Errors
    /// Unavailable once it was closed.
    pub fn open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    /// Runs a read. When it takes too long its answer is dropped.
    ///
    /// # Errors
    /// The read's own, `TimedOut`, `Unavailable` when the store is closed, `Overloaded` when too many calls are under way.
    pub async fn read<T: Send + 'static>(
        &self,
        until: Instant,
        work: impl Future<Output = Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match timeout_at(until, self.run(work)).await {
            Ok(Ok(answer)) => Ok(answer?),
            Ok(Err(Lost::Refused(error))) => Err(error),
            Ok(Err(Lost::Ended)) => Err(StoreError::Unavailable("the call's task ended without an answer".to_owned())),
            Err(_) => Err(StoreError::TimedOut(format!("no answer within {:?}", self.timeout))),
        }
    }

    /// Runs a write to its end, whether or not its caller still waits.
    ///
    /// # Errors
    /// The write's own, `Unknown` when it takes too long, `Unavailable` when the store is closed, `Overloaded` when too
    /// many calls are under way.
    pub async fn write<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E> {
        match timeout(self.timeout, self.run(work)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Lost::Refused(error))) => Err(error.into()),
            Ok(Err(Lost::Ended)) => {
                Err(StoreError::Unknown("the call's task ended without an answer".to_owned()).into())
            }
            Err(_) => Err(StoreError::Unknown(format!("no answer within {:?}", self.timeout)).into()),
        }
    }

    /// Runs what nobody waits for but a close, if there is room for it now. It must come to its end by
    /// itself, within the time of a call.
    pub fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(admitted) = Arc::clone(&self.admitted).try_acquire_owned() else { return };
        // Asked behind the permit, as for a place.
        if self.open().is_err() {
            return;
        }
        tokio::spawn(async move {
            work.await;
            drop(admitted);
        });
    }

    /// Refuses further calls, and waits until those under way have ended.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let all = Arc::clone(&self.admitted).acquire_many_owned(ADMITTED).await;
        self.admitted.close();
        drop(all);
    }

    async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, Lost> {
        let place = self.permit().await.map_err(Lost::Refused)?;
        let longest = self.timeout * FORGOTTEN_AFTER;
        let task = tokio::spawn(async move {
            let answer = timeout(longest, work).await;
            drop(place);
            answer
        });
        task.await.map_err(|_| Lost::Ended)?.map_err(|_| Lost::Ended)
    }

    /// Waits for a place, but not for most of the caller's time: nobody would hear the answer.
    async fn permit(&self) -> Result<Place, StoreError> {
        self.open()?;
        let full = || StoreError::Overloaded("too many calls are waiting for the database".to_owned());
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| full())?;
        // Asked again behind the permit: a close that began in between waits for this one.
        self.open()?;
        let turn = timeout(self.timeout / 2, Arc::clone(&self.at_once).acquire_owned()).await;
        let at_once = turn.map_err(|_| full())?.map_err(|_| closed())?;
        Ok(Place { _admitted: admitted, _at_once: at_once })
    }
}

/// Why there is no answer.
enum Lost {
    /// It was never begun.
    Refused(StoreError),
    /// Its task panicked, or the runtime went down.
    Ended,
}

/// What a closed store says.
pub fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

#[cfg(test)]
mod tests;
