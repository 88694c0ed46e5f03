//! The write-ahead log, copied back into the database so that no caller waits for it: a thread of its own copies the bulk
//! while the writer goes on, and the writer copies only what was added meanwhile, after which the log starts afresh.
//! The same thread copies what is left when writing has stopped, and refreshes the planner's statistics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::threads::{self, Thread};

/// The log is copied back from this many pages on (16 MiB): most pages of a busy log are there many times, and only the
/// last of each is copied.
const FULL: i32 = 4096;
/// When no command waits, a smaller log is worth it too.
const FULL_WHEN_IDLE: i32 = 512;

/// When the thread works without a request of the writer.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckpointPolicy {
    /// A log that was not copied for so long is copied, however small it is.
    pub idle: Duration,
    /// How often the planner's statistics are refreshed.
    pub optimize: Duration,
}

impl CheckpointPolicy {
    /// The policy of a server.
    pub(super) const DEFAULT: Self = Self { idle: Duration::from_secs(60), optimize: Duration::from_secs(3600) };
}

/// All tables, a bounded number of rows of each index, and only where their number has changed a lot. It writes for some
/// milliseconds at the most.
const OPTIMIZE: &str = "PRAGMA optimize = 0x10012";

/// The writer's end.
pub(super) struct Checkpointer {
    /// How many pages it held after the last commit.
    pages: Arc<AtomicI32>,
    /// Requests a pass of the copier.
    ask: SyncSender<()>,
    /// The copier ended a pass.
    passed: Arc<AtomicBool>,
    /// A pass was requested.
    asked: bool,
    copier: Thread,
}

impl Checkpointer {
    /// Starts the thread that copies.
    ///
    /// # Errors
    /// Fails when the system has none to give.
    pub(super) fn start(db: &mut Connection, copier: Connection, upkeep: CheckpointPolicy) -> std::io::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let written = Arc::new(AtomicBool::new(true));
        let (seen, is_written) = (Arc::clone(&pages), Arc::clone(&written));
        let hook = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            seen.store(pages, Ordering::Relaxed);
            is_written.store(true, Ordering::Release);
            Ok(())
        };
        db.wal_hook(Some(hook)).map_err(std::io::Error::other)?;
        let (ask, asked) = sync_channel(1);
        let passed = Arc::new(AtomicBool::new(false));
        let pass = Arc::clone(&passed);
        let copier = threads::start("rekindle-log", move || {
            let mut looked = Instant::now();
            loop {
                match asked.recv_timeout(upkeep.idle) {
                    Ok(()) => {
                        checkpoint(&copier, "PRAGMA wal_checkpoint(PASSIVE)");
                        pass.store(true, Ordering::Release);
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        if written.swap(false, Ordering::Acquire) {
                            checkpoint(&copier, "PRAGMA wal_checkpoint(PASSIVE)");
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                if looked.elapsed() >= upkeep.optimize {
                    optimize(&copier);
                    looked = Instant::now();
                }
            }
        })?;
        Ok(Self { pages, ask, passed, asked: false, copier })
    }

    /// Copies the log back, or has it copied, after a batch.
    pub(super) fn after_commit(&mut self, db: &Connection, idle: bool) {
        let full = if idle { FULL_WHEN_IDLE } else { FULL };
        let pages = self.pages.load(Ordering::Relaxed);
        if self.asked {
            if self.passed.swap(false, Ordering::Acquire) {
                self.asked = false;
                if pages >= full {
                    checkpoint(db, "PRAGMA wal_checkpoint(PASSIVE)");
                    self.pages.store(0, Ordering::Relaxed);
                }
            }
        } else if pages >= full {
            self.asked = self.ask.try_send(()).is_ok();
        }
    }

    /// Copies all of it back and leaves no log behind.
    pub(super) fn end(self, db: &Connection) {
        drop(self.ask);
        self.copier.join();
        checkpoint(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

/// A log that cannot be copied now only grows a little: the next pass does it, and no write fails for it.
fn checkpoint(db: &Connection, how: &str) {
    if let Err(error) = db.query_row(how, [], |row| row.get::<_, i64>(0)) {
        tracing::warn!(%error, "the write-ahead log could not be copied into the database");
    }
}

/// Numbers that are not looked at now are looked at next time: every statement names its index, and none depends on them.
fn optimize(db: &Connection) {
    if let Err(error) = db.execute_batch(OPTIMIZE) {
        tracing::debug!(%error, "the planner's numbers could not be looked at");
    }
}

#[cfg(test)]
mod tests;
