//! The one thread that writes. It takes all commands that are queued, applies them in one transaction, and sends the
//! results once that is on the disk: many callers share one sync (group commit).

mod batch;
mod checkpoint;
mod stats;

use std::sync::Arc;
use std::time::Instant;

use rekindle_core::store::{BatchObserverHandle, StoreError};
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::command::Job;
use crate::readers::Question;
use crate::threads::{self, Threads};
use checkpoint::{CheckpointPolicy, Checkpointer};
use stats::Counters;
pub use stats::WriteStats;

enum Message {
    /// With the time at which it was queued, if an observer wants to know how long it waited.
    Write(Box<dyn Job>, Option<Instant>),
    /// A read of a database in memory, which has one connection only.
    Ask(Question),
    Close,
}

/// The way to the writer.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    capacity: usize,
    counters: Arc<Counters>,
    watch: BatchObserverHandle,
    threads: Threads,
}

impl Writer {
    /// Starts the thread. `copier` is the connection that copies the write-ahead log back, for a database with one.
    ///
    /// # Errors
    /// Fails when the system has no thread to give.
    pub(crate) fn start(
        mut db: Connection,
        copier: Option<Connection>,
        capacity: usize,
        batch_max: usize,
        watch: BatchObserverHandle,
    ) -> std::io::Result<Self> {
        let capacity = capacity.max(1);
        let (queue, waiting) = mpsc::channel(capacity);
        let counters = Arc::new(Counters::default());
        let (counted, watched) = (Arc::clone(&counters), watch.clone());
        let log = copier.map(|copier| Checkpointer::start(&mut db, copier, CheckpointPolicy::DEFAULT)).transpose()?;
        let batch_max = batch_max.max(1);
        let thread =
            threads::start("rekindle-writer", move || serve(&db, waiting, log, batch_max, &counted, &watched))?;
        Ok(Self { queue, capacity, counters, watch, threads: Threads::new(vec![thread]) })
    }

    /// Puts a command into the queue.
    ///
    /// # Errors
    /// Fails with [`StoreError::Overloaded`] when the queue is full, and with [`StoreError::Unavailable`] when the writer
    /// has ended.
    pub(crate) fn write(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        let asked = self.watch.observer().map(|_| Instant::now());
        self.send(Message::Write(job, asked))
    }

    /// Puts a read into the queue.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub(crate) fn ask(&self, question: Question) -> Result<(), StoreError> {
        self.send(Message::Ask(question))
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        self.queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => {
                StoreError::Overloaded(format!("{} calls wait for the writer already", self.capacity))
            }
            TrySendError::Closed(_) => {
                StoreError::Unavailable("the store is closed, or its writer has ended".to_owned())
            }
        })
    }

    /// Returns how much was written.
    pub(crate) fn written(&self) -> WriteStats {
        self.counters.read()
    }

    /// Finishes what is queued, then ends the thread.
    pub(crate) async fn close(&self) {
        // An error says that it has ended already.
        let _ = self.queue.send(Message::Close).await;
        self.threads.ended().await;
    }
}

fn serve(
    db: &Connection,
    mut waiting: mpsc::Receiver<Message>,
    mut log: Option<Checkpointer>,
    batch_max: usize,
    counters: &Counters,
    watch: &BatchObserverHandle,
) {
    let mut jobs = Vec::with_capacity(batch_max);
    let mut questions = Vec::new();
    while let Some(message) = waiting.blocking_recv() {
        let mut next = Some(message);
        let mut first_asked = None;
        while let Some(message) = next {
            match message {
                Message::Write(job, asked) => {
                    jobs.push(job);
                    first_asked = first_asked.or(asked);
                }
                Message::Ask(question) => questions.push(question),
                // What follows it in the queue is still done.
                Message::Close => waiting.close(),
            }
            next = if jobs.len() < batch_max { waiting.try_recv().ok() } else { None };
        }
        if let (Some(observer), Some(asked)) = (watch.observer(), first_asked) {
            observer.batch(jobs.len(), asked.elapsed());
        }
        batch::run(db, &mut jobs, counters);
        // Outside the transaction: a read sees what is committed, and nothing that may yet be undone.
        for question in questions.drain(..) {
            question(db);
        }
        if let Some(log) = &mut log {
            log.after_commit(db, waiting.is_empty());
        }
    }
    if let Some(log) = log {
        log.end(db);
    }
}
