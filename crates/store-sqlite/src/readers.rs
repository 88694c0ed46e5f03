//! A few threads that read, each with its own connection, fed from one bounded queue: a free one takes the next read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rekindle_core::store::StoreError;
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::threads::{self, Thread, Threads};

/// The number of SQLite's steps between two reads of the clock: well under a millisecond's worth.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// A read, which also sends its result to the caller.
pub(crate) type Question = Box<dyn FnOnce(&Connection) + Send>;

enum Message {
    Ask(Question),
    Close,
}

/// The way to the readers.
#[derive(Debug)]
pub(crate) struct Readers {
    queue: mpsc::Sender<Message>,
    threads: Threads,
}

impl Readers {
    /// Starts a thread for each of these connections. A read that takes longer than `limit` is interrupted: its caller has
    /// given up, and others wait for the thread.
    ///
    /// # Errors
    /// Fails when the system has no thread to give.
    pub(crate) fn start(connections: Vec<Connection>, capacity: usize, limit: Duration) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(capacity.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads: Vec<Thread> = Vec::new();
        for mut db in connections {
            let waiting = Arc::clone(&waiting);
            threads.push(threads::start("rekindle-reader", move || serve(&mut db, &waiting, limit))?);
        }
        Ok(Self { queue, threads: Threads::new(threads) })
    }

    /// Puts a read into the queue.
    ///
    /// # Errors
    /// Fails with [`StoreError::Overloaded`] when the queue is full, and with [`StoreError::Unavailable`] when the readers
    /// have ended.
    pub(crate) fn ask(&self, question: Question) -> Result<(), StoreError> {
        self.queue.try_send(Message::Ask(question)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded("too many reads wait for the database".to_owned()),
            TrySendError::Closed(_) => StoreError::Unavailable("the store is closed".to_owned()),
        })
    }

    /// Finishes what is queued, then ends the threads.
    pub(crate) async fn close(&self) {
        // An error says that they have ended already.
        let _ = self.queue.send(Message::Close).await;
        self.threads.ended().await;
    }
}

fn serve(db: &mut Connection, waiting: &Mutex<mpsc::Receiver<Message>>, limit: Duration) {
    let deadline = Arc::new(Mutex::new(None::<Instant>));
    let watched = Arc::clone(&deadline);
    let is_over = move || lock(&watched).is_some_and(|deadline| Instant::now() > deadline);
    if let Err(error) = db.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_over)) {
        tracing::warn!(%error, "long reads cannot be interrupted");
    }
    loop {
        let mut queue = lock(waiting);
        let message = queue.blocking_recv();
        if matches!(message, Some(Message::Close)) {
            // What follows it in the queue is still done.
            queue.close();
        }
        drop(queue);
        match message {
            Some(Message::Ask(question)) => {
                *lock(&deadline) = Some(Instant::now() + limit);
                // A read that panics costs its caller the result, but not the others their thread.
                if catch_unwind(AssertUnwindSafe(|| question(db))).is_err() {
                    tracing::error!("a read panicked");
                }
            }
            Some(Message::Close) => {}
            None => return,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
