//! A file that is about to be replaced: no other process has it open, and none of its sidecar files stay.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::MaintenanceError;
use crate::open::sidecar_files;

/// A process that only reads for a moment is waited for; a server stays.
const PATIENCE: Duration = Duration::from_millis(500);

/// A connection beside which there is no other, in this process or another, as long as it lives: with a write-ahead log
/// everybody who has the database open holds a lock on the file, and this one excludes it.
///
/// # Errors
/// [`MaintenanceError::InUse`].
pub(super) fn alone(path: &Path) -> Result<Connection, MaintenanceError> {
    let failed = |error: rusqlite::Error| MaintenanceError::writing(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(failed)?;
    db.busy_timeout(PATIENCE).map_err(failed)?;
    db.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(())).map_err(failed)?;
    db.execute_batch("BEGIN EXCLUSIVE; COMMIT").map_err(failed)?;
    Ok(db)
}

/// A file that no other process can open until this is dropped, if it is a database.
pub(super) struct ExclusiveLock {
    path: PathBuf,
    /// Holds the lock. None: it is no database, or so broken that SQLite cannot lock it.
    _alone: Option<Connection>,
}

impl ExclusiveLock {
    /// Locks the database, and copies its log back into it where that can be done.
    ///
    /// # Errors
    /// Fails when another process has it open.
    pub(super) fn take(path: &Path) -> Result<Self, MaintenanceError> {
        let alone = match alone(path) {
            Ok(db) => {
                let mode = db.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0));
                // A log that cannot be copied back stays beside it, and SQLite must have let go of it before it moves.
                mode.is_ok_and(|mode| mode == "delete").then_some(db)
            }
            Err(in_use @ MaintenanceError::InUse(_)) => return Err(in_use),
            // No process can use such a broken file.
            Err(_) => None,
        };
        Ok(Self { path: path.to_path_buf(), _alone: alone })
    }

    /// Gives it a second name, with what lies beside it, before it loses its own.
    ///
    /// # Errors
    /// Something is there by that name, or the system's.
    pub(super) fn keep_as(&self, name: &Path) -> Result<(), MaintenanceError> {
        let failed = |error: std::io::Error| MaintenanceError::io(name, "cannot be written", &error);
        if name.exists() {
            return Err(MaintenanceError::Exists(name.to_path_buf()));
        }
        // On a file system without second names it moves at once.
        fs::hard_link(&self.path, name).or_else(|_| fs::rename(&self.path, name)).map_err(failed)?;
        for (from, to) in sidecar_files(&self.path).iter().zip(sidecar_files(name)) {
            if from.exists() {
                fs::rename(from, to).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Removes the files that would be taken for the log of the new database at this path.
///
/// # Errors
/// Fails with the system's error.
pub(super) fn remove_sidecars(path: &Path) -> Result<(), MaintenanceError> {
    for stale in sidecar_files(path) {
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(MaintenanceError::io(&stale, "cannot be removed", &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
