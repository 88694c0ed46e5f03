//! Puts a backup in a database's place: never under a server that runs, and never without keeping what was there.

use std::fs;
use std::path::{Path, PathBuf};

use rekindle_atomic_file::Existing;
use rekindle_core::Timestamp;

use super::copy::{Copied, copy};
use super::error::MaintenanceError;
use super::exclusive::{ExclusiveLock, remove_sidecars};
use super::partial_file::Part;
use super::paths::absolute;
use super::progress::{Progress, Stop};
use crate::open::identity;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Its bytes.
    pub bytes: u64,
    /// Where the database is that was there before.
    pub kept: Option<PathBuf>,
}

/// Copies the backup `from` to where a server looks for its database. What was there is kept beside it, under a name with
/// `now` in it. Blocks.
///
/// # Errors
/// See [`MaintenanceError`]: also when another process has `to` open, when `from` is damaged, of a newer version or no database of
/// ours. `to` is then as it was.
pub fn restore(
    from: &Path,
    to: &Path,
    existing: Existing,
    now: Timestamp,
    stop: &Stop,
    tell: &mut dyn FnMut(Progress),
) -> Result<Restored, MaintenanceError> {
    let (from, to) = (absolute(from)?, absolute(to)?);
    if from == to || identity(&from).is_some_and(|one| identity(&to) == Some(one)) {
        return Err(MaintenanceError::SameFile(to));
    }
    if to.is_file() {
        // First of all, and again when it counts: it spares the copying.
        drop(ExclusiveLock::take(&to)?);
        if existing == Existing::Stays {
            return Err(MaintenanceError::Exists(to));
        }
    }
    let part = Part::of(&to)?;
    let Copied { bytes, .. } = copy(&from, &part, stop, tell)?;
    if !to.exists() {
        remove_sidecars(&to)?;
        part.place(Existing::Stays, fs::metadata(&from).map(|about| about.permissions()).ok())?;
        // A folder of the server's user is a place for that user's database.
        owned_as(&to, to.parent().and_then(|folder| fs::metadata(folder).ok()).as_ref());
        return Ok(Restored { bytes, kept: None });
    }
    let about = fs::metadata(&to).ok();
    let kept = kept_as(&to, now);
    // Until the new one is in its place, the old one cannot be opened; a process that tries finds the new one next time.
    let replaced = ExclusiveLock::take(&to)?;
    replaced.keep_as(&kept)?;
    remove_sidecars(&to)?;
    part.place(Existing::IsReplaced, about.as_ref().map(fs::Metadata::permissions))?;
    owned_as(&to, about.as_ref());
    Ok(Restored { bytes, kept: Some(kept) })
}

/// `rekindle.db.before-restore-20261121T020000Z`.
fn kept_as(path: &Path, now: Timestamp) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".before-restore-");
    name.push(stamp(now));
    PathBuf::from(name)
}

/// A time as a part of a file's name, to the second: `20261121T020000Z`.
pub fn stamp(at: Timestamp) -> String {
    let shown = at.to_string();
    let seconds = shown.split_once('.').map_or(shown.as_str(), |(seconds, _)| seconds);
    format!("{}Z", seconds.replace(['-', ':'], ""))
}

/// Who restores as root must not take the database from the user that the server runs as: it belongs to whom the one before
/// belonged to, or the folder.
#[cfg(unix)]
fn owned_as(path: &Path, about: Option<&fs::Metadata>) {
    use std::os::unix::fs::MetadataExt;
    if let Some(about) = about
        && let Err(error) = std::os::unix::fs::chown(path, Some(about.uid()), Some(about.gid()))
    {
        tracing::debug!(%error, "the restored database belongs to whoever restored it");
    }
}

#[cfg(not(unix))]
fn owned_as(_: &Path, _: Option<&fs::Metadata>) {}
