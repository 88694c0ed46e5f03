//! One batch of commands in one transaction, and the errors of its callers when that fails.

use rekindle_core::store::StoreError;
use rusqlite::Connection;

use super::stats::Counters;
use crate::command::{Job, execute};
use crate::error::{commit_failed, not_written};

/// Why a transaction did not come to its end.
enum BatchError {
    /// It never began; trying again at once would not help.
    NotBegun(StoreError),
    /// It was undone as a whole.
    Undone(StoreError),
    /// Its outcome is unknown.
    UnknownOutcome(StoreError),
}

/// Applies these commands and sends their results. Counts them first, so that a caller that has its result is counted.
pub(super) fn run(db: &Connection, jobs: &mut Vec<Box<dyn Job>>, counters: &Counters) {
    jobs.retain(|job| job.begin());
    if jobs.is_empty() {
        return;
    }
    counters.begin(jobs.len());
    match transaction(db, jobs) {
        Ok(()) => jobs.drain(..).for_each(Job::answer),
        Err(BatchError::Undone(_)) if jobs.len() > 1 => {
            // One of them made SQLite undo all, on a full disk say: alone, the others may well succeed.
            for mut job in jobs.drain(..) {
                counters.begin(0);
                match transaction(db, std::slice::from_mut(&mut job)) {
                    Ok(()) => job.answer(),
                    Err(error) => job.fail(error.report()),
                }
            }
        }
        Err(error) => {
            let error = error.report();
            jobs.drain(..).for_each(|job| job.fail(error.clone()));
        }
    }
}

impl BatchError {
    /// Logs it, and returns the error of the callers.
    fn report(self) -> StoreError {
        match self {
            Self::NotBegun(error) | Self::Undone(error) => {
                tracing::warn!(%error, "a write was refused by the database");
                error
            }
            Self::UnknownOutcome(error) => {
                tracing::error!(%error, "the database may or may not have kept a write; check the disk");
                error
            }
        }
    }
}

fn transaction(db: &Connection, jobs: &mut [Box<dyn Job>]) -> Result<(), BatchError> {
    if !db.is_autocommit() {
        // What is left of a transaction whose end failed twice.
        drop(execute(db, "ROLLBACK"));
    }
    execute(db, "BEGIN IMMEDIATE").map_err(|error| BatchError::NotBegun(not_written(&error)))?;
    for job in jobs.iter_mut() {
        let applied = job.apply(db);
        // On some errors SQLite rolls the whole transaction back by itself; the commands before are undone with it.
        if db.is_autocommit() {
            let why = applied.err().unwrap_or_else(|| "the transaction ended early".to_owned());
            return Err(BatchError::Undone(StoreError::Unavailable(why)));
        }
    }
    execute(db, "COMMIT").map_err(|error| {
        if !db.is_autocommit() {
            drop(execute(db, "ROLLBACK"));
        }
        match commit_failed(&error) {
            error @ StoreError::Unknown(_) => BatchError::UnknownOutcome(error),
            error @ (StoreError::Unavailable(_)
            | StoreError::Overloaded(_)
            | StoreError::CircuitOpen { .. }
            | StoreError::TimedOut(_)
            | StoreError::Corrupt(_)) => BatchError::Undone(error),
        }
    })
}
