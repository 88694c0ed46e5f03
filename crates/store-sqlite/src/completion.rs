//! How a caller waits for the result of a thread: with a deadline, and with an error that says whether a write that was
//! not reported may have happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rekindle_core::store::StoreError;
use tokio::sync::oneshot;

/// In the queue.
const WAITING: u8 = 0;
/// Taken out of the queue by the thread: it may have happened.
const BEGUN: u8 = 1;
/// Given up by the caller while it was in the queue: it will not happen.
const WITHDRAWN: u8 = 2;

/// The thread's end: where the result goes.
#[derive(Debug)]
pub(crate) struct Completion<T> {
    to: oneshot::Sender<T>,
    state: Arc<AtomicU8>,
}

/// The caller's end.
#[derive(Debug)]
pub(crate) struct CompletionWaiter<T> {
    from: oneshot::Receiver<T>,
    state: Arc<AtomicU8>,
}

/// Returns both ends.
pub(crate) fn completion<T>() -> (Completion<T>, CompletionWaiter<T>) {
    let (to, from) = oneshot::channel();
    let state = Arc::new(AtomicU8::new(WAITING));
    (Completion { to, state: Arc::clone(&state) }, CompletionWaiter { from, state })
}

impl<T> Completion<T> {
    /// Begins the work. Returns false if the caller withdrew it in time; a caller that only went away withdrew nothing.
    pub(crate) fn begin(&self) -> bool {
        self.state.compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Returns whether the caller has gone away.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.to.is_closed()
    }

    /// Sends the result. The caller may have gone away.
    pub(crate) fn send(self, answer: T) {
        drop(self.to.send(answer));
    }
}

impl<T> CompletionWaiter<T> {
    /// Waits for the outcome of a write.
    ///
    /// # Errors
    /// Fails with [`StoreError::TimedOut`] or [`StoreError::Unavailable`] when it was surely not begun, and with
    /// [`StoreError::Unknown`] otherwise.
    pub(crate) async fn written(self, limit: Duration) -> Result<T, StoreError> {
        match tokio::time::timeout(limit, self.from).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) if self.state.load(Ordering::Acquire) == WAITING => Err(gone()),
            Ok(Err(_)) => Err(StoreError::Unknown("the writer ended while it was at it".to_owned())),
            Err(_) => match self.state.compare_exchange(WAITING, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => Err(StoreError::TimedOut(format!("the write waited for {limit:?} and was withdrawn"))),
                Err(_) => Err(StoreError::Unknown(format!("the write was not done within {limit:?}"))),
            },
        }
    }

    /// Waits for the result of a read.
    ///
    /// # Errors
    /// Fails with [`StoreError::TimedOut`] or [`StoreError::Unavailable`].
    pub(crate) async fn read(self, limit: Duration) -> Result<T, StoreError> {
        match tokio::time::timeout(limit, self.from).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(StoreError::TimedOut(format!("no answer within {limit:?}"))),
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the store's thread has ended".to_owned())
}

#[cfg(test)]
mod tests;
