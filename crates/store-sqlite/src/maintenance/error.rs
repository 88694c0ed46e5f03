//! Why an operation on a database's file was not done, in words for the operator.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::open::OpenError;

/// Why it was not done. Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file would be overwritten.
    #[error("{} is there already, and is left as it is; choose another name, or overwrite it with --force", .0.display())]
    Exists(PathBuf),
    /// Source and target are one file.
    #[error("{} cannot be copied onto itself; choose another file", .0.display())]
    SameFile(PathBuf),
    /// Another process has the database open.
    #[error("{} is in use by another process, a server most likely; stop that one first", .0.display())]
    InUse(PathBuf),
    /// The same is being done already.
    #[error("another copy to {} is under way; wait until it is done", .0.display())]
    UnderWay(PathBuf),
    /// The disk is full, or a quota or a limit is reached.
    #[error("there is not enough room for {}: {why}; make room, or choose another place", .path.display())]
    NoRoom {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The database is not sound.
    #[error("{} is damaged: {}", .path.display(), .problems.join("; "))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first of what was found.
        problems: Vec<String>,
    },
    /// It was stopped.
    #[error("it was stopped before it was done; nothing was changed")]
    Stopped,
    /// Anything else.
    #[error("{} {doing}: {why}", .path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What could not be done, as `cannot be written`.
        doing: &'static str,
        /// What the system says.
        why: String,
    },
}

impl MaintenanceError {
    /// Returns whether this database cannot be used as it is.
    pub fn refuses(&self, database: &Path) -> bool {
        let Ok(database) = std::path::absolute(database) else { return false };
        let Self::Open(why) = self else { return false };
        why.path().is_some_and(|path| path == database || Some(path) == database.parent())
    }

    /// An error of the system, in doing something with a file.
    pub(super) fn io(path: &Path, doing: &'static str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let (path, why) = (path.to_path_buf(), error.to_string());
        if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            return Self::NoRoom { path, why };
        }
        Self::Failed { path, doing, why }
    }

    /// An error of SQLite in reading this database.
    pub(super) fn reading(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::Stopped,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse(path),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, problems: vec![error.to_string()] },
            Some(ErrorCode::NotADatabase | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Open(OpenError::from_sqlite(path, error))
            }
            _ => Self::Failed { path, doing: "cannot be read", why: error.to_string() },
        }
    }

    /// An error of SQLite in writing this database.
    pub(super) fn writing(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        let why = error.to_string();
        let rusqlite::Error::SqliteFailure(cause, _) = error else {
            return Self::Failed { path, doing: "cannot be written", why };
        };
        match (cause.code, cause.extended_code) {
            (ErrorCode::OperationInterrupted, _) => Self::Stopped,
            (ErrorCode::DiskFull, _) => Self::NoRoom { path, why },
            // A limit of the file's size says no more than this.
            (_, rusqlite::ffi::SQLITE_IOERR_WRITE) => {
                let why = format!("{why} (is the disk full, or a quota or a limit of a file's size reached?)");
                Self::NoRoom { path, why }
            }
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::InUse(path),
            (ErrorCode::DatabaseCorrupt, _) => Self::Damaged { path, problems: vec![why] },
            (ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => {
                Self::Open(OpenError::NotWritable { path, why })
            }
            _ => Self::Failed { path, doing: "cannot be written", why },
        }
    }
}
