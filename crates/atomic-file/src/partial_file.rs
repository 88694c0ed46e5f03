//! A file that is written beside its target, by one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::folder::sync_folder;

/// What to do with a file that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the operation fails.
    Stays,
    /// It is replaced.
    IsReplaced,
}

/// Why a partial file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process writes it.
    #[error("another process writes it")]
    InUse,
    /// The process that wrote it has just given it its final name; the next attempt creates a new file.
    #[error("another process finished it just now")]
    Finished,
    /// The system's error.
    #[error(transparent)]
    Failed(#[from] io::Error),
}

/// Why a partial file did not take its target's name.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// There is a file by that name, and it must stay.
    #[error("there is a file by that name")]
    Exists,
    /// The system's error. The target is as it was.
    #[error(transparent)]
    Failed(#[from] io::Error),
    /// The file has its name, but a crash of the machine may undo that: the folder could not be brought to the disk.
    #[error("the folder cannot be brought to the disk: {0}")]
    FolderNotSynced(io::Error),
}

/// An unfinished file. It is locked until it is dropped, and stays where it is unless it is persisted or removed.
///
/// The file is opened once and never by its name again: a store of the same process may have a database in it, and closing
/// any other descriptor of that file would drop the store's locks.
#[derive(Debug)]
pub struct PartialFile {
    path: PathBuf,
    target: PathBuf,
    file: File,
}

impl PartialFile {
    /// Opens the file at `path`, which is to become `target`, and locks it. Its content stays; a new file is empty and
    /// readable by its owner alone.
    ///
    /// # Errors
    /// Fails when another process has it, or with the system's error.
    pub fn open(path: PathBuf, target: &Path) -> Result<Self, LockError> {
        let file = owner_only().open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let partial = Self { path, target: target.to_path_buf(), file };
        if partial.is_in_place() { Ok(partial) } else { Err(LockError::Finished) }
    }

    /// Returns where the file is while it is unfinished.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the name that it takes in the end.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Returns the open file, for reading and writing.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Removes the file, unless it has its target's name already or another file has its name.
    pub fn remove(&self) {
        if self.is_in_place() {
            fs::remove_file(&self.path).ok();
        }
    }

    /// Brings the file to the disk and gives it its target's name.
    ///
    /// # Errors
    /// Fails when there is a file by that name which stays, or with the system's error.
    pub fn persist(&self, existing: Existing) -> Result<(), PersistError> {
        self.file.sync_all()?;
        match existing {
            Existing::Stays => self.take_free_name()?,
            Existing::IsReplaced => fs::rename(&self.path, &self.target)?,
        }
        sync_folder(&self.target).map_err(PersistError::FolderNotSynced)
    }

    /// Takes the name in one step that fails if there is a file by that name, if the file system has such a step.
    fn take_free_name(&self) -> Result<(), PersistError> {
        let mut path = TempPath::try_from_path(&self.path)?;
        // A file that stays unfinished may be continued.
        path.disable_cleanup(true);
        match path.persist_noclobber(&self.target) {
            Ok(()) => Ok(()),
            Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => Err(PersistError::Exists),
            Err(_) if self.target.exists() => Err(PersistError::Exists),
            Err(_) => Ok(fs::rename(&self.path, &self.target)?),
        }
    }

    /// Compares the open file with the one that has its name.
    #[cfg(unix)]
    fn is_in_place(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let identity = |about: io::Result<fs::Metadata>| about.ok().map(|about| (about.dev(), about.ino()));
        identity(self.file.metadata()) == identity(fs::metadata(&self.path))
    }

    #[cfg(not(unix))]
    fn is_in_place(&self) -> bool {
        self.path.exists()
    }
}

/// The content may be secret. A caller that wants other permissions sets them at the end.
fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
