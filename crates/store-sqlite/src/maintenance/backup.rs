//! A backup: a copy of a database at one moment, taken while servers go on writing, whole and checked or not there.

use std::fs;
use std::path::Path;

use rekindle_atomic_file::Existing;

use super::copy::{Copied, copy};
use super::error::MaintenanceError;
use super::exclusive::{ExclusiveLock, remove_sidecars};
use super::partial_file::Part;
use super::paths::absolute;
use super::progress::{Progress, Stop};
use crate::open::identity;

/// What was backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// The copy's pages.
    pub pages: u64,
    /// The copy's bytes.
    pub bytes: u64,
}

/// Copies the database `from` to the file `to`. All that was answered before this was called is in it, and nothing that
/// was begun after it returned. Writers are not held up. Blocks.
///
/// # Errors
/// See [`MaintenanceError`]; nothing half done is left behind.
pub fn backup(
    from: &Path,
    to: &Path,
    existing: Existing,
    stop: &Stop,
    tell: &mut dyn FnMut(Progress),
) -> Result<BackedUp, MaintenanceError> {
    let (from, to) = (absolute(from)?, absolute(to)?);
    if from == to || identity(&from).is_some_and(|one| identity(&to) == Some(one)) {
        return Err(MaintenanceError::SameFile(to));
    }
    if to.is_file() {
        if existing == Existing::Stays {
            return Err(MaintenanceError::Exists(to));
        }
        // Now, and again when it counts: it spares the copying.
        drop(ExclusiveLock::take(&to)?);
    }
    let part = Part::of(&to)?;
    let Copied { pages, bytes } = copy(&from, &part, stop, tell)?;
    let permissions = fs::metadata(&from).map(|about| about.permissions()).ok();
    if existing == Existing::IsReplaced && to.exists() {
        let _replaced = ExclusiveLock::take(&to)?;
        remove_sidecars(&to)?;
        part.place(Existing::IsReplaced, permissions)?;
    } else {
        remove_sidecars(&to)?;
        part.place(Existing::Stays, permissions)?;
    }
    Ok(BackedUp { pages, bytes })
}
