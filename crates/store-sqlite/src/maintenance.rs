//! What an operator does with a database in a file, beside the store: look whether it is sound, give back its room, copy
//! it while others write, and put a copy in its place. Everything here blocks: a runtime calls it on a thread for that.

mod backup;
mod check;
mod copy;
mod error;
mod exclusive;
mod integrity;
mod partial_file;
mod paths;
mod restore;
mod vacuum;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use backup::{BackedUp, Existing, backup};
pub use check::{DatabaseReport, check};
pub use error::MaintenanceError;
pub use restore::{Restored, restore, stamp};
use rusqlite::Connection;
pub use vacuum::{Vacuumed, vacuum};

/// How many of SQLite's steps go by between two looks at whether to stop: a few milliseconds' worth.
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

/// Ends what is under way when it is told to, from any thread. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on nothing goes on.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was told to.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), MaintenanceError> {
        if self.is_stopped() { Err(MaintenanceError::Stopped) } else { Ok(()) }
    }

    /// Interrupts the statements of a connection too.
    fn watch(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let stop = self.clone();
        db.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || stop.is_stopped()))
    }
}
