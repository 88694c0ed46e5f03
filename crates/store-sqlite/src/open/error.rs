//! Why a database cannot be opened, as messages for an operator. The file is unchanged in each case.

use std::path::{Path, PathBuf};

/// Why a database cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such file, and none is to be made.
    #[error("there is no database {}; name one that is there", .0.display())]
    Missing(PathBuf),
    /// The folder of the file is not there.
    #[error("there is no folder {}; create it, or choose another place for the database", .0.display())]
    NoFolder(PathBuf),
    /// The path leads to a folder.
    #[error("{} is a folder; name a file in it, such as {}", .0.display(), .0.join("rekindle.db").display())]
    IsFolder(PathBuf),
    /// The file or its folder cannot be written.
    #[error(
        "{} cannot be written ({why}); Rekindle writes the file and, beside it in the same folder, two more while it \
         runs: give its user write access to both, or choose another place", .path.display()
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file is something else.
    #[error("{} is not a SQLite database; choose another path: this file is left as it is", .0.display())]
    NotADatabase(PathBuf),
    /// The database belongs to another program.
    #[error(
        "{} is a SQLite database of another program; choose another path: this file is left as it is", .0.display()
    )]
    Foreign(PathBuf),
    /// The database was last used by a newer Rekindle.
    #[error(
        "{} was written by a newer version of Rekindle (schema {found}, and this one knows {known}); start that \
         version again, or choose another database: this file is left as it is", .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema that it has.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The database was last used by an older Rekindle, and only its rows are to be read.
    #[error(
        "{} was written by an older version of Rekindle (schema {found}, and this one knows {known}); a server of this \
         version brings it up to date when it starts", .path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The schema that it has.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// Another process holds the database and would not let go.
    #[error("{} is held by another program and was not released; stop that one first", .0.display())]
    Busy(PathBuf),
    /// The file system cannot hold a write-ahead log.
    #[error(
        "{} lies on a file system that cannot share memory between processes, which the write-ahead log needs (a \
         network file system?); choose a local disk", .0.display()
    )]
    NoWriteAheadLog(PathBuf),
    /// The database could not be brought to this version's schema; it stays at the one before.
    #[error("{} could not be brought to this version's schema, and is left as it was: {why}", .path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        why: String,
    },
    /// Anything else.
    #[error("{} cannot be opened: {why}", .path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// The system refuses a thread.
    #[error("the system gives no thread to the store: {0}")]
    NoThread(std::io::Error),
}

impl OpenError {
    /// What cannot be used: the database's file, or the folder that is missing.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Missing(path)
            | Self::NoFolder(path)
            | Self::IsFolder(path)
            | Self::NotADatabase(path)
            | Self::Foreign(path)
            | Self::Busy(path)
            | Self::NoWriteAheadLog(path)
            | Self::NotWritable { path, .. }
            | Self::Newer { path, .. }
            | Self::Older { path, .. }
            | Self::Migration { path, .. }
            | Self::Failed { path, .. } => Some(path),
            Self::NoThread(_) => None,
        }
    }

    /// SQLite's error as one of ours.
    pub(crate) fn from_sqlite(path: PathBuf, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(path),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::NotWritable { path, why }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path),
            _ => Self::Failed { path, why },
        }
    }
}
