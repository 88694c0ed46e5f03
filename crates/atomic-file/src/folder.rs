//! The folder of a file, and how its names reach the disk.

use std::fs::File;
use std::io;
use std::path::Path;

/// Brings the names in this file's folder to the disk.
///
/// # Errors
/// Fails with the system's error.
pub fn sync_folder(of: &Path) -> io::Result<()> {
    File::open(folder_of(of)).and_then(|folder| folder.sync_all())
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
