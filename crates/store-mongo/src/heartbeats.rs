//! Heartbeats, the one hot command. Those that arrive together travel together: while a few batches are under way the
//! rest gather, and nobody waits for a timer; on an idle store a lone beat leaves at once.

mod batch;
mod kinds;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bson::raw::CStr;
use bson::{RawDocument, RawDocumentBuf};
pub use kinds::MachineBeat;
use rekindle_core::store::{BatchObserverHandle, StoreError, Versioned};
use rekindle_core::values::Timestamp;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use crate::connect::Connection;
use crate::executor::closed;

/// How many beats may wait; one more is refused.
pub const WAITING: usize = 8192;
/// How many batches may be under way.
const BATCHES: usize = 2;
/// How many beats go into one batch.
const BATCH: usize = 500;

/// A kind of heartbeat.
pub trait Beat: Send + Sync + 'static {
    /// What has a heartbeat.
    type Row: Clone + Send + Sync;
    /// What names a row.
    type Id<'a>: Eq + std::hash::Hash;
    /// Where the rows are.
    const COLLECTION: &'static str;
    /// The field that names a row.
    const ID: &'static CStr;
    /// The index on that field: named with every command, so that the server does not weigh others.
    const INDEX: &'static str;

    /// The row's id, as it is stored.
    fn id(&self) -> String;
    /// The row, and what else it must show: beats that differ in it are told apart.
    fn key(&self) -> (Self::Id<'_>, Option<&str>);
    /// When it was heard.
    fn at(&self) -> Timestamp;
    /// The filter of the row in a state that allows the beat.
    fn filter(&self) -> RawDocumentBuf;
    /// Whether this row is in a state that allows the beat.
    fn allows(&self, row: &Self::Row) -> bool;
    /// The row's last sign of life.
    fn last_heartbeat(row: &Self::Row) -> Timestamp;
    /// Refreshes it, forward only.
    fn record_heartbeat(row: &mut Self::Row, at: Timestamp);
    /// The row of a document.
    fn read(document: &RawDocument) -> Result<Versioned<Self::Row>, StoreError>;
}

/// What a beat answers.
pub type Outcome<B> = Result<Option<Versioned<<B as Beat>::Row>>, StoreError>;

/// A beat on its way, with the address of its answer.
struct Waiting<B: Beat> {
    beat: B,
    answer: oneshot::Sender<Outcome<B>>,
    since: Instant,
}

/// The beats of one kind.
pub struct Beats<B: Beat> {
    connection: Arc<Connection>,
    timeout: Duration,
    watch: BatchObserverHandle,
    queue: Mutex<Queue<B>>,
    /// Told each time a batch ends and none follows.
    idle: Notify,
}

struct Queue<B: Beat> {
    waiting: VecDeque<Waiting<B>>,
    batches: usize,
    closed: bool,
}

impl<B: Beat> Beats<B> {
    /// None waiting.
    pub fn new(connection: Arc<Connection>, timeout: Duration, watch: BatchObserverHandle) -> Self {
        let queue = Queue { waiting: VecDeque::new(), batches: 0, closed: false };
        Self { connection, timeout, watch, queue: Mutex::new(queue), idle: Notify::new() }
    }

    /// Sends a beat and waits for its outcome. It goes on its way even if the caller does not wait.
    ///
    /// # Errors
    /// Overloaded when too many wait; else what the database says.
    pub async fn beat(self: &Arc<Self>, beat: B) -> Outcome<B> {
        self.connection.ready()?;
        let (answer, heard) = oneshot::channel();
        if self.enqueue(Waiting { beat, answer, since: Instant::now() })? {
            tokio::spawn(work(Slot { beats: Arc::clone(self), held: true }));
        }
        match timeout(self.timeout, heard).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(StoreError::Unknown("the heartbeat's batch ended without an answer".to_owned())),
            Err(_) => Err(StoreError::Unknown(format!("no answer within {:?}", self.timeout))),
        }
    }

    /// Refuses further beats, and waits until those that were accepted are answered.
    pub async fn close(&self) {
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

    /// True: there is a place for one more batch, and the caller begins it.
    fn enqueue(&self, waiting: Waiting<B>) -> Result<bool, StoreError> {
        let mut queue = self.queue();
        if queue.closed {
            return Err(closed());
        }
        if queue.waiting.len() >= WAITING {
            return Err(StoreError::Overloaded("too many heartbeats are waiting for the database".to_owned()));
        }
        queue.waiting.push_back(waiting);
        let begins = queue.batches < BATCHES;
        queue.batches += usize::from(begins);
        Ok(begins)
    }

    fn queue(&self) -> MutexGuard<'_, Queue<B>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for a batch; free again when this is dropped, also by a panic.
struct Slot<B: Beat> {
    beats: Arc<Beats<B>>,
    held: bool,
}

impl<B: Beat> Slot<B> {
    /// The next batch. None: the place was given back under the same lock under which nobody was seen to wait, so that
    /// whoever comes next begins a batch.
    fn next(&mut self) -> Option<Vec<Waiting<B>>> {
        let mut queue = self.beats.queue();
        if queue.waiting.is_empty() {
            queue.batches -= 1;
            self.held = false;
            self.beats.idle.notify_waiters();
            return None;
        }
        let size = queue.waiting.len().min(BATCH);
        Some(queue.waiting.drain(..size).collect())
    }
}

impl<B: Beat> Drop for Slot<B> {
    fn drop(&mut self) {
        if self.held {
            self.beats.queue().batches -= 1;
            self.beats.idle.notify_waiters();
        }
    }
}

async fn work<B: Beat>(mut slot: Slot<B>) {
    while let Some(batch) = slot.next() {
        if let (Some(observer), Some(first)) = (slot.beats.watch.observer(), batch.first()) {
            observer.batch(batch.len(), first.since.elapsed());
        }
        match slot.beats.connection.ready() {
            Ok(collections) => batch::run(collections, batch).await,
            Err(error) => batch::fail(batch, &error),
        }
    }
}

impl<B: Beat> std::fmt::Debug for Beats<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queue = self.queue();
        write!(f, "Beats({} waiting, {} batches)", queue.waiting.len(), queue.batches)
    }
}
