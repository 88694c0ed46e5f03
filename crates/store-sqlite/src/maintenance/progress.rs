//! How far an operation has come, and how it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::error::MaintenanceError;

/// The number of SQLite's steps between two checks whether to stop: a few milliseconds' worth.
const STEPS_BETWEEN_LOOKS: i32 = 100_000;

/// How far something that takes a while has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Copying: so many pages of so many.
    Copying {
        /// Pages that are copied.
        done: u64,
        /// Pages that there are.
        of: u64,
    },
    /// Checking every page and index of a database.
    Verifying,
    /// Reading every row.
    Reading,
    /// Writing the database anew.
    Rewriting,
}

/// Stops what is under way, from any thread. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Stops it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails once it is stopped.
    pub(super) fn check(&self) -> Result<(), MaintenanceError> {
        if self.is_stopped() { Err(MaintenanceError::Stopped) } else { Ok(()) }
    }

    /// Interrupts the statements of a connection too.
    pub(super) fn watch(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let stop = self.clone();
        db.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || stop.is_stopped()))
    }
}
