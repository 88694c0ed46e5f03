//! Why an export or an import failed, as messages for an operator.

use std::io;
use std::path::{Path, PathBuf};

use rekindle_core::StoreError;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A file would be overwritten.
    #[error("{} is there already, and is left as it is; choose another name, or overwrite it with --force", .0.display())]
    Exists(PathBuf),
    /// What was done before an interruption is there.
    #[error(
        "{} is what an interrupted export has left; go on with it with --resume, or delete it to begin anew", .0.display()
    )]
    Interrupted(PathBuf),
    /// The same is being done already.
    #[error("another export to {} is under way; wait until it is done", .0.display())]
    UnderWay(PathBuf),
    /// What is there under the name of an unfinished export cannot be gone on with.
    #[error("{} is no unfinished export of this version of Rekindle; delete it, or choose another name", .0.display())]
    NotOurs(PathBuf),
    /// The interrupted export is of another store.
    #[error("{} was begun as an export of {begun}, and this is {now}; delete it to begin anew", .part.display())]
    OtherStore {
        /// The unfinished file.
        part: PathBuf,
        /// The store that it is of.
        begun: String,
        /// The store that was named now.
        now: String,
    },
    /// The disk is full, or a quota or a limit is reached.
    #[error("there is not enough room for {}: {why}; make room, and go on with --resume", .path.display())]
    NoRoom {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Anything else about a file.
    #[error("{} {doing}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What could not be done, as `cannot be written`.
        doing: &'static str,
        /// What the system says.
        why: String,
    },
    /// It is something else.
    #[error("{} is no export of Rekindle; nothing was imported", .0.display())]
    NoExport(PathBuf),
    /// It is of a later version.
    #[error(
        "{} is in format {format}{by}, and this version of Rekindle reads up to {known}: import it with a newer one; nothing \
         was imported", .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// Who wrote it, as ` of Rekindle 2.0.0`.
        by: String,
        /// The newest that can be read.
        known: u32,
    },
    /// Its end is missing.
    #[error("{} is cut off after {whole} whole bytes: copy or export it again; nothing was imported", .path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// As far as it can be read.
        whole: u64,
    },
    /// It is not as it was written.
    #[error("{} is damaged: {why}; copy or export it again; nothing was imported", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// It shows moments that do not fit together.
    #[error(
        "{} contradicts itself: {what}. It was made of a store that changed meanwhile: export again with its servers \
         stopped, or from a backup; nothing was imported", .path.display()
    )]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// What cannot be.
        what: String,
    },
    /// The store is in use.
    #[error("the store is not empty: there are {0} in it; import into an empty one; nothing was imported")]
    NotEmpty(&'static str),
    /// Another export is being imported.
    #[error("an import of another export ({0}) was begun into this store; go on with that one, or take an empty store")]
    OtherImport(String),
    /// A server detects silence in it.
    #[error("a server uses the store, or did so a moment ago; stop it first, and import then")]
    InUse,
    /// It is not as this import left it.
    #[error("the store was changed by somebody else while it was imported into; begin anew with an empty one ({0})")]
    Disturbed(String),
    /// The file is not as it was when it was verified.
    #[error("{} was changed while it was imported; begin anew with an empty store", .0.display())]
    FileChanged(PathBuf),
    /// A bug of ours.
    #[error("a part of it ended early: {0}")]
    Ended(String),
    /// The store cannot do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The import was stopped.
    #[error("it was stopped before it was done; what was done is kept, and the same command goes on with it")]
    Stopped,
    /// The export was stopped.
    #[error("it was stopped before it was done; {} holds what was done, and --resume goes on with it", .0.display())]
    Paused(PathBuf),
}

impl TransferError {
    /// An error of the system, in doing something with a file.
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
