//! A file that is not finished: it lies beside its target under another name, is this process's alone, and takes the
//! target's name only when it is whole and on the disk. Whatever ends it before that leaves the target as it was; what a
//! killed process left is used again by the next one for the same target.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::MaintenanceError;
use crate::open::{OpenError, identity, sidecar_files};

/// How often the name may change hands while it is taken.
const TRIES: u32 = 20;
/// Behind the target's name, which a dot goes before.
const SUFFIX: &str = ".part";

/// An unfinished file.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    target: PathBuf,
    /// Holds the lock that tells others of us, until the name is gone.
    file: File,
}

impl Part {
    /// An empty one for this target.
    ///
    /// # Errors
    /// The folder is not there or cannot be written, or another process is at the same target.
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
            let file = private().open(&path).map_err(|error| failed(&error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(MaintenanceError::UnderWay(target.to_path_buf())),
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
            // Whoever had the name before may have finished in between and taken the file along.
            if is(&file, &path) {
                let part = Self { path, target: target.to_path_buf(), file };
                part.remove_beside();
                part.file.set_len(0).map_err(|error| failed(&error))?;
                return Ok(part);
            }
        }
        Err(MaintenanceError::UnderWay(target.to_path_buf()))
    }

    /// Where it is while it is unfinished.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it will be called.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Brings what was written so far to the disk, so that the end need not do all of it.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn sync(&self) -> Result<(), MaintenanceError> {
        self.file.sync_data().map_err(|error| MaintenanceError::io(&self.target, "cannot be written", &error))
    }

    /// Finishes it under its target's name. Where `replacing` is none, nothing may be there by that name.
    ///
    /// # Errors
    /// Something is there, or the system's. The target is as it was.
    pub(super) fn place(self, replacing: bool, permissions: Option<Permissions>) -> Result<(), MaintenanceError> {
        let target = &self.target;
        let failed = |error: &io::Error| MaintenanceError::io(target, "cannot be written", error);
        if let Some(permissions) = permissions {
            self.file.set_permissions(permissions).map_err(|error| failed(&error))?;
        }
        self.file.sync_all().map_err(|error| failed(&error))?;
        if replacing {
            fs::rename(&self.path, target).map_err(|error| failed(&error))?;
        } else {
            match fs::hard_link(&self.path, target) {
                // Dropping it removes the other name.
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Err(MaintenanceError::Exists(target.clone()));
                }
                // A file system without second names.
                Err(_) if target.exists() => return Err(MaintenanceError::Exists(target.clone())),
                Err(_) => fs::rename(&self.path, target).map_err(|error| failed(&error))?,
            }
        }
        sync_folder(target)
    }

    fn remove_beside(&self) {
        for path in sidecar_files(&self.path) {
            fs::remove_file(path).ok();
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.remove_beside();
        if is(&self.file, &self.path) {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// What was written of names in this file's folder is on the disk.
///
/// # Errors
/// The system's.
pub(super) fn sync_folder(of: &Path) -> Result<(), MaintenanceError> {
    let folder = of.parent().unwrap_or(of);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| MaintenanceError::io(folder, "cannot be brought to the disk", &error))
}

/// Nobody else's to read: the target's permissions come last.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn is(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().ok().map(|about| (about.dev(), about.ino())) == identity(path)
}

#[cfg(not(unix))]
fn is(_: &File, path: &Path) -> bool {
    path.exists() && identity(path).is_none()
}
