//! The data folder of a local server, `.rekindle`: the files in it, their permissions, and how other commands find it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rekindle_atomic_file as atomic_file;
use rekindle_core::Ids;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::CliError;

/// The folder's name. It is searched for in the current folder and its parents.
pub(crate) const NAME: &str = ".rekindle";

const KEY_MODE: u32 = 0o600;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder(PathBuf);

/// The file in which a running server says where it can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerNote {
    /// The URL on which it listens.
    pub url: String,
    /// Its process id.
    pub pid: u32,
}

/// The exclusive right to run a server on a folder. It ends with the process.
pub(crate) struct DirLock {
    folder: Folder,
    _lock: File,
}

/// The API key of a folder, and what was done to get it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The file existed, readable by its owner only.
    Kept(String),
    /// The file was readable by others. Its permissions were restricted.
    Tightened(String),
    /// There was no file. A key was generated.
    Made(String),
}

impl Folder {
    /// Returns the folder at a path, whether it exists or not.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns the nearest folder, in `from` or a parent. One of another owner is skipped: a user who can write to a
    /// parent folder must not choose the server that a command talks to.
    pub(crate) fn nearest(from: &Path) -> Option<Self> {
        let mine = nix::unistd::geteuid().as_raw();
        from.ancestors().map(|parent| parent.join(NAME)).find_map(|path| {
            let about = fs::metadata(&path).ok()?;
            (about.is_dir() && about.uid() == mine).then_some(Self(path))
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The path of the database of `rekindle dev`.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("rekindle.db")
    }

    /// The path of the file with the API key.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.0.join("api-key")
    }

    fn note_file(&self) -> PathBuf {
        self.0.join("server.json")
    }

    /// Returns the note of the server that runs on this folder, if there is one.
    pub(crate) fn note(&self) -> Option<ServerNote> {
        let text = fs::read(self.note_file()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Returns the stored API key, if there is one.
    pub(crate) fn key(&self) -> Option<String> {
        let text = fs::read_to_string(self.key_file()).ok()?;
        Some(text.trim().to_owned()).filter(|key| !key.is_empty())
    }

    /// Creates the folder if it is missing, and locks it.
    ///
    /// # Errors
    /// Fails if another server runs on it, or if it cannot be created or written.
    pub(crate) fn claim(&self) -> Result<DirLock, CliError> {
        let shown = self.0.display();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.with_context(|| format!("cannot make the data folder {shown}; choose another with --data DIR"))?;
        let path = self.0.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("cannot write to the data folder {shown}"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.taken()),
            Err(TryLockError::Error(error)) => {
                return Err(anyhow::Error::new(error).context(format!("cannot lock {}", path.display())).into());
            }
        }
        let ignore = self.0.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").with_context(|| format!("cannot write {}", ignore.display()))?;
        }
        Ok(DirLock { folder: self.clone(), _lock: lock })
    }

    fn taken(&self) -> CliError {
        let who = match self.note() {
            Some(note) => format!("at {} (pid {})", note.url, note.pid),
            None => "and is just starting".to_owned(),
        };
        CliError::Unexpected(anyhow::anyhow!(
            "a server runs on {} already, {who}\n  use it, stop it, or choose another folder with --data DIR",
            self.0.display()
        ))
    }
}

impl DirLock {
    /// Returns the API key of this folder. The first call generates it, in a file that only its owner can ever read.
    ///
    /// # Errors
    /// Fails if the file holds no key, or cannot be written.
    pub(crate) fn key(&self, ids: &dyn Ids) -> Result<Key, CliError> {
        let path = self.folder.key_file();
        let shown = path.display().to_string();
        let about = match fs::metadata(&path) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = ids.new_id().to_string();
                atomic_file::write(&path, format!("{key}\n").as_bytes(), Permissions::from_mode(KEY_MODE))
                    .with_context(|| format!("cannot write {shown}"))?;
                return Ok(Key::Made(key));
            }
            Err(error) => return Err(anyhow::Error::new(error).context(format!("cannot read {shown}")).into()),
        };
        let open = about.permissions().mode() & 0o077 != 0;
        if open {
            let tightened = fs::set_permissions(&path, Permissions::from_mode(KEY_MODE));
            tightened.with_context(|| format!("{shown} can be read by others, and its mode cannot be changed"))?;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
        let key = text.trim();
        if Uuid::try_parse(key).is_err() {
            return Err(CliError::Configuration(format!(
                "{shown} does not hold an API key, which is a UUID\n  put the key back, or delete the file and a new one \
                 is made"
            )));
        }
        Ok(if open { Key::Tightened(key.to_owned()) } else { Key::Kept(key.to_owned()) })
    }

    /// Writes the note by which other commands find the server.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub(crate) fn write_note(&self, note: &ServerNote) -> Result<(), CliError> {
        let path = self.folder.note_file();
        let mut text = serde_json::to_string(note).map_err(anyhow::Error::new)?;
        text.push('\n');
        atomic_file::write(&path, text.as_bytes(), Permissions::from_mode(0o644))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // If the note stays behind, the next command gets a failed connection and nothing worse.
        fs::remove_file(self.folder.note_file()).ok();
    }
}

#[cfg(test)]
mod tests;
