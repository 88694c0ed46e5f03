//! Files that appear under their name whole or not at all.
//!
//! [`write()`] is for a small file whose content is in memory. [`PartialFile`] is for one that takes a while: it lies
//! beside its target under a name of its own, locked, and takes the target's name once it is complete and on the disk.

#![warn(missing_docs)]

mod folder;
mod partial_file;

use std::fs::Permissions;
use std::io::{self, Write};
use std::path::Path;

use self::folder::folder_of;
pub use self::folder::sync_folder;
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

#[cfg(test)]
mod tests;
