//! The errors of exports and imports, as messages for the user.

use std::io;
use std::path::{Path, PathBuf};

use rekindle_core::StoreError;

/// Why an export or an import failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The target file exists.
    #[error("{} is there already, and is left as it is; choose another name, or overwrite it with --force", .0.display())]
    Exists(PathBuf),
    /// There is an unfinished export beside the target.
    #[error(
        "{} is what an interrupted export has left; go on with it with --resume, or delete it to begin anew", .0.display()
    )]
    Interrupted(PathBuf),
    /// Another process writes the same file.
    #[error("another export to {} is under way; wait until it is done", .0.display())]
    UnderWay(PathBuf),
    /// The file under the name of the unfinished export is not one that can be continued.
    #[error("{} is no unfinished export of this version of Rekindle; delete it, or choose another name", .0.display())]
    NotOurs(PathBuf),
    /// The unfinished export is of another store.
    #[error("{} was begun as an export of {begun}, and this is {now}; delete it to begin anew", .part.display())]
    OtherStore {
        /// The unfinished file.
        part: PathBuf,
        /// The store of the unfinished export.
        begun: String,
        /// The store of this export.
        now: String,
    },
    /// The disk is full, or a quota or a limit is reached.
    #[error("there is not enough room for {}: {why}; make room, and go on with --resume", .path.display())]
    NoRoom {
        /// The file that was to be written.
        path: PathBuf,
        /// The system's error.
        why: String,
    },
    /// Another error of the file system.
    #[error("{} {doing}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What failed, such as `cannot be written`.
        doing: &'static str,
        /// The system's error.
        why: String,
    },
    /// The file is not an export.
    #[error("{} is no export of Rekindle; nothing was imported", .0.display())]
    NoExport(PathBuf),
    /// The file is of a newer format.
    #[error(
        "{} is in format {format}{by}, and this version of Rekindle reads up to {known}: import it with a newer one; nothing \
         was imported", .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        format: u32,
        /// The version that wrote it, such as ` of Rekindle 2.0.0`.
        by: String,
        /// The newest format that can be read.
        known: u32,
    },
    /// The end of the file is missing.
    #[error("{} is cut off after {whole} whole bytes: copy or export it again; nothing was imported", .path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// The number of bytes that can be read.
        whole: u64,
    },
    /// The content of the file was changed.
    #[error("{} is damaged: {why}; copy or export it again; nothing was imported", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The file has rows of different moments that conflict.
    #[error(
        "{} contradicts itself: {what}. It was made of a store that changed meanwhile: export again with its servers \
         stopped, or from a backup; nothing was imported", .path.display()
    )]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The conflict.
        what: String,
    },
    /// The target store is not empty.
    #[error("the store is not empty: there are {0} in it; import into an empty one; nothing was imported")]
    NotEmpty(&'static str),
    /// The target store holds an unfinished import of another export.
    #[error("an import of another export ({0}) was begun into this store; go on with that one, or take an empty store")]
    OtherImport(String),
    /// A server on the target store runs the detection job.
    #[error("a server uses the store, or did so a moment ago; stop it first, and import then")]
    InUse,
    /// Another process changed the target store during the import.
    #[error("the store was changed by somebody else while it was imported into; begin anew with an empty one ({0})")]
    Disturbed(String),
    /// The file changed after it was verified.
    #[error("{} was changed while it was imported; begin anew with an empty store", .0.display())]
    FileChanged(PathBuf),
    /// The task that did the work ended unexpectedly.
    #[error("a part of it ended early: {0}")]
    Ended(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was stopped.
    #[error("it was stopped before it was done; what was done is kept, and the same command goes on with it")]
    Stopped,
    /// An export was stopped. It can be resumed.
    #[error("it was stopped before it was done; {} holds what was done, and --resume goes on with it", .0.display())]
    Paused(PathBuf),
}

impl TransferError {
    /// Returns the error of a failed file operation.
    pub(crate) fn io(path: &Path, doing: &'static str, error: &io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let (path, why) = (path.to_path_buf(), error.to_string());
        if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
            return Self::NoRoom { path, why };
        }
        Self::File { path, doing, why }
    }

    pub(crate) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_path_buf(), why: why.into() }
    }
}
