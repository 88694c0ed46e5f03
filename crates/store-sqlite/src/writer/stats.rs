//! Counts what the writer has written.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much was written since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteStats {
    /// Commits, heartbeats and pings that were applied.
    pub commands: u64,
    /// The transactions that they shared.
    pub transactions: u64,
}

/// The counts, as the writer raises them.
#[derive(Debug, Default)]
pub(super) struct Counters {
    commands: AtomicU64,
    transactions: AtomicU64,
}

impl Counters {
    /// Counts a transaction and the commands that begin with it.
    pub(super) fn begin(&self, commands: usize) {
        self.commands.fetch_add(commands as u64, Ordering::Relaxed);
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the counts of this moment.
    pub(super) fn read(&self) -> WriteStats {
        WriteStats {
            commands: self.commands.load(Ordering::Relaxed),
            transactions: self.transactions.load(Ordering::Relaxed),
        }
    }
}
