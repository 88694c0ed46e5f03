//! The folder with the data of nodes. It is removed with its owner, or by a later owner if its own was killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const PREFIX: &str = "nodes-";
const OWNER_LOCK: &str = "owner.lock";

/// A folder for one cluster, below a parent.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked for as long as this value lives; the system unlocks it however the process ends.
    owner: Option<File>,
}

impl Folder {
    /// Makes a folder below `parent`, and removes those whose owner was killed.
    pub(crate) fn below(parent: &Path) -> Result<Self> {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        remove_abandoned(parent);
        let path = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?.keep();
        // Locked before it gets its name, so that no other process sees it made and not yet locked.
        let unnamed = path.join("owner.new");
        let owner = File::create(&unnamed)?;
        owner.try_lock().context("cannot lock a file that only we know")?;
        fs::rename(&unnamed, path.join(OWNER_LOCK))?;
        Ok(Self { path, owner: Some(owner) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the folder after this value is dropped.
    pub(crate) fn keep(&mut self) -> Result<()> {
        fs::remove_file(self.path.join(OWNER_LOCK))?;
        self.owner = None;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.owner.is_some() {
            // A later owner removes what cannot be removed now.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes the folders of killed owners. A folder that cannot be read or removed is skipped.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // A folder without the file is being made, or was kept.
        let Ok(owner) = File::open(entry.path().join(OWNER_LOCK)) else { continue };
        if ours && owner.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
