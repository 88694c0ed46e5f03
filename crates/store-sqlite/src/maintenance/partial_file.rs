//! A file that is not finished: it lies beside its target under another name, is this process's alone, and takes the
//! target's name only when it is whole and on the disk. Whatever ends it before that leaves the target as it was; what a
//! killed process left is used again by the next one for the same target.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::path::Path;

use rekindle_atomic_file::{Existing, LockError, PartialFile, PersistError};

use super::error::MaintenanceError;
use crate::open::{OpenError, sidecar_files};

/// How often the name may change hands while it is taken.
const TRIES: u32 = 20;
/// Behind the target's name, which a dot goes before.
const SUFFIX: &str = ".part";

/// An unfinished database. It is removed unless it took its target's name.
#[derive(Debug)]
pub(super) struct Part(PartialFile);

impl Part {
    /// Opens an empty one for this target.
    ///
    /// # Errors
    /// Fails when the folder is not there or cannot be written, or when another process is at the same target.
    pub(super) fn of(target: &Path) -> Result<Self, MaintenanceError> {
        if target.is_dir() {
            return Err(OpenError::IsFolder(target.to_path_buf()).into());
        }
        let (Some(folder), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(OpenError::IsFolder(target.to_path_buf()).into());
        };
        if !folder.is_dir() {
            return Err(OpenError::NoFolder(folder.to_path_buf()).into());
        }
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(SUFFIX);
        let path = folder.join(hidden);
        let failed = |error: &io::Error| MaintenanceError::io(target, "cannot be written", error);
        for _ in 0..TRIES {
            match PartialFile::open(path.clone(), target) {
                Ok(file) => {
                    let part = Self(file);
                    part.remove_sidecars();
                    part.0.file().set_len(0).map_err(|error| failed(&error))?;
                    return Ok(part);
                }
                Err(LockError::Finished) => {}
                Err(LockError::InUse) => break,
                Err(LockError::Failed(error)) => return Err(failed(&error)),
            }
        }
        Err(MaintenanceError::UnderWay(target.to_path_buf()))
    }

    /// Returns where it is while it is unfinished.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the name that it takes in the end.
    pub(super) fn target(&self) -> &Path {
        self.0.target()
    }

    /// Brings what was written so far to the disk, so that the end need not do all of it.
    ///
    /// # Errors
    /// Fails with the system's error.
    pub(super) fn sync(&self) -> Result<(), MaintenanceError> {
        let failed = |error| MaintenanceError::io(self.target(), "cannot be written", &error);
        self.0.file().sync_data().map_err(failed)
    }

    /// Finishes it under its target's name.
    ///
    /// # Errors
    /// Fails when there is a file by that name which stays, or with the system's error. The target is as it was.
    pub(super) fn place(self, existing: Existing, permissions: Option<Permissions>) -> Result<(), MaintenanceError> {
        let failed = |error: &io::Error| MaintenanceError::io(self.target(), "cannot be written", error);
        if let Some(permissions) = permissions {
            self.0.file().set_permissions(permissions).map_err(|error| failed(&error))?;
        }
        self.0.persist(existing).map_err(|error| match error {
            PersistError::Exists => MaintenanceError::Exists(self.target().to_path_buf()),
            PersistError::Failed(error) => failed(&error),
            PersistError::FolderNotSynced(error) => folder_not_synced(self.target(), &error),
        })
    }

    fn remove_sidecars(&self) {
        for path in sidecar_files(self.path()) {
            fs::remove_file(path).ok();
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.remove_sidecars();
        self.0.remove();
    }
}

fn folder_not_synced(of: &Path, error: &io::Error) -> MaintenanceError {
    MaintenanceError::io(of.parent().unwrap_or(of), "cannot be brought to the disk", error)
}
