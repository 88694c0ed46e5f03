//! The folder in which nodes keep their data: removed with its owner, and by the next owner where one was killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const PREFIX: &str = "nodes-";
const OWNER: &str = "owner.lock";

/// A folder of our own below a parent.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked for as long as this value lives, and freed by the system however the process ends.
    owner: Option<File>,
}

impl Folder {
    /// Makes one below `parent`, and removes those whose owner was killed.
    pub fn below(parent: &Path) -> Result<Self> {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        sweep(parent);
        let path = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?.keep();
        // Locked before it has its name, so that no sweep ever sees one that is made and not yet locked.
        let unnamed = path.join("owner.new");
        let owner = File::create(&unnamed)?;
        owner.try_lock().context("cannot lock a file that only we know")?;
        fs::rename(&unnamed, path.join(OWNER))?;
        Ok(Self { path, owner: Some(owner) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it there, for no sweep to take.
    pub fn leave(&mut self) -> Result<()> {
        fs::remove_file(self.path.join(OWNER))?;
        self.owner = None;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.owner.is_some() {
            // What cannot be removed now is swept later.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes what killed owners left. It is a courtesy: what it cannot read or remove is left alone.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // One without the file is being made, or was left on purpose.
        let Ok(owner) = File::open(entry.path().join(OWNER)) else { continue };
        if ours && owner.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
