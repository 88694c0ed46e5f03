//! The paths that an operator gives.

use std::path::{Path, PathBuf};

use super::error::MaintenanceError;
use crate::open::OpenError;

/// Returns the path as an absolute one: SQLite would read a relative name that begins with `file:` as a URL.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, MaintenanceError> {
    std::path::absolute(path)
        .map_err(|error| OpenError::Failed { path: path.to_path_buf(), why: error.to_string() }.into())
}
