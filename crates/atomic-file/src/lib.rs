//! Files that appear under their name whole or not at all.
//!
//! [`write()`] is for a small file whose content is at hand. [`PartialFile`] is for one that takes a while: it lies beside
//! its target under a name of its own, locked, and takes the target's name once it is complete and on the disk.

mod partial_file;

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::path::Path;

pub use partial_file::{Existing, LockError, PartialFile, PersistError};

/// Writes a file: a reader sees the old content or the new one, never a part of it. The umask applies to the permissions.
///
/// # Errors
/// Fails with the system's error; the file is as it was, unless only its folder could not be brought to the disk.
pub fn write(path: &Path, content: &[u8], permissions: Permissions) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".").permissions(permissions).tempfile_in(folder_of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    sync_folder(path)
}

/// Brings the names in this file's folder to the disk.
///
/// # Errors
/// Fails with the system's error.
pub fn sync_folder(of: &Path) -> io::Result<()> {
    File::open(folder_of(of)).and_then(|folder| folder.sync_all())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
