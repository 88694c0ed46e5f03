//! Heartbeats, the one hot command. Those that arrive together travel in one batch: while a few batches are under way the
//! rest gather, and no heartbeat waits for a timer. On an idle store a single heartbeat leaves at once.

mod batch;
mod heartbeat;
mod kinds;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use kinds::MachineHeartbeat;
use rekindle_core::store::{BatchObserverHandle, StoreError};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use self::heartbeat::{Heartbeat, HeartbeatResult, PendingHeartbeat};
use crate::connect::Connection;
use crate::executor::closed;

/// How many heartbeats may wait; one more is rejected.
const MAX_WAITING: usize = 8192;
/// How many batches may be under way.
const MAX_BATCHES: usize = 2;
/// The largest number of heartbeats in one batch.
const BATCH_SIZE: usize = 500;

/// The heartbeats of one kind.
pub(crate) struct HeartbeatQueue<B: Heartbeat> {
    connection: Arc<Connection>,
    timeout: Duration,
    observer: BatchObserverHandle,
    queue: Mutex<Queue<B>>,
    /// Notified each time a batch ends and none follows.
    idle: Notify,
}

struct Queue<B: Heartbeat> {
    waiting: VecDeque<PendingHeartbeat<B>>,
    /// The number of batches under way.
    batches: usize,
    closed: bool,
}

impl<B: Heartbeat> HeartbeatQueue<B> {
    pub(crate) fn new(connection: Arc<Connection>, timeout: Duration, observer: BatchObserverHandle) -> Self {
        let queue = Queue { waiting: VecDeque::new(), batches: 0, closed: false };
        Self { connection, timeout, observer, queue: Mutex::new(queue), idle: Notify::new() }
    }

    /// Records a heartbeat and returns its row. The heartbeat is sent even if the caller stops waiting.
    ///
    /// # Errors
    /// `Overloaded` when too many wait; `Unknown` when the time of a call is over; else the database's own.
    pub(crate) async fn record(self: &Arc<Self>, heartbeat: B) -> HeartbeatResult<B> {
        self.connection.ready()?;
        let (reply, result) = oneshot::channel();
        if self.enqueue(PendingHeartbeat { heartbeat, reply, since: Instant::now() })? {
            tokio::spawn(send_batches(BatchSlot { heartbeats: Arc::clone(self), held: true }));
        }
        match timeout(self.timeout, result).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(StoreError::Unknown("the heartbeat's batch ended without an answer".to_owned())),
            Err(_) => Err(StoreError::Unknown(format!("no answer within {:?}", self.timeout))),
        }
    }

    /// Rejects further heartbeats, and waits until the accepted ones are answered.
    pub(crate) async fn close(&self) {
        self.queue().closed = true;
        loop {
            let idle = self.idle.notified();
            {
                let queue = self.queue();
                if queue.batches == 0 && queue.waiting.is_empty() {
                    return;
                }
            }
            idle.await;
        }
    }

    /// Returns whether there is room for one more batch, which the caller then begins.
    fn enqueue(&self, pending: PendingHeartbeat<B>) -> Result<bool, StoreError> {
        let mut queue = self.queue();
        if queue.closed {
            return Err(closed());
        }
        if queue.waiting.len() >= MAX_WAITING {
            return Err(StoreError::Overloaded("too many heartbeats are waiting for the database".to_owned()));
        }
        queue.waiting.push_back(pending);
        let begins = queue.batches < MAX_BATCHES;
        queue.batches += usize::from(begins);
        Ok(begins)
    }

    fn queue(&self) -> MutexGuard<'_, Queue<B>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to send batches; given back when it is dropped, also by a panic.
struct BatchSlot<B: Heartbeat> {
    heartbeats: Arc<HeartbeatQueue<B>>,
    held: bool,
}

impl<B: Heartbeat> BatchSlot<B> {
    /// Returns the next batch. When no heartbeat waits the slot is given back under the same lock, so that the next
    /// heartbeat begins a batch, and `None` is returned.
    fn next(&mut self) -> Option<Vec<PendingHeartbeat<B>>> {
        let mut queue = self.heartbeats.queue();
        if queue.waiting.is_empty() {
            queue.batches -= 1;
            self.held = false;
            self.heartbeats.idle.notify_waiters();
            return None;
        }
        let size = queue.waiting.len().min(BATCH_SIZE);
        Some(queue.waiting.drain(..size).collect())
    }
}

impl<B: Heartbeat> Drop for BatchSlot<B> {
    fn drop(&mut self) {
        if self.held {
            self.heartbeats.queue().batches -= 1;
            self.heartbeats.idle.notify_waiters();
        }
    }
}

async fn send_batches<B: Heartbeat>(mut slot: BatchSlot<B>) {
    while let Some(batch) = slot.next() {
        if let (Some(observer), Some(first)) = (slot.heartbeats.observer.observer(), batch.first()) {
            observer.batch(batch.len(), first.since.elapsed());
        }
        match slot.heartbeats.connection.ready() {
            Ok(database) => batch::send(database, batch).await,
            Err(error) => batch::fail(batch, &error),
        }
    }
}

impl<B: Heartbeat> fmt::Debug for HeartbeatQueue<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.queue();
        write!(f, "HeartbeatQueue({} waiting, {} batches)", queue.waiting.len(), queue.batches)
    }
}
