//! Backups on a schedule: each is complete and verified before an older one is deleted, and only files with exactly our
//! names are deleted. A failed backup is logged, and the next one is taken at its time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use async_trait::async_trait;
use rekindle_core::{Timestamp, Tracker};
use rekindle_jobs::{CATCH_UP_WINDOW, Job, NextPass, PassError, Schedule};
use tracing::{error, info, warn};

use rekindle_telemetry::millis;

use rekindle_stores::maintenance::{BackedUp, Existing, MaintenanceError, Stop, backup, stamp};

/// Its name in the log.
const BACKUP: &str = "backup";
/// The beginning and the end of our file names; the time is between them.
const NAME: (&str, &str) = ("rekindle-", ".db");
/// An unfinished one, as `maintenance` calls it.
const UNFINISHED: (&str, &str) = (".", ".part");

/// Backups that the server makes by itself.
#[derive(Debug, Clone)]
pub struct BackupPlan {
    /// `BACKUP_CRON`, in UTC.
    pub schedule: Schedule,
    /// `BACKUP_DIR`.
    pub folder: PathBuf,
    /// `BACKUP_KEEP`: as many are kept.
    pub keep: usize,
}

/// The backups of one database file. Each process that has the file makes them.
pub(crate) struct BackupJob {
    file: PathBuf,
    plan: BackupPlan,
}

impl BackupJob {
    pub(crate) fn new(file: PathBuf, plan: BackupPlan) -> Self {
        Self { file, plan }
    }
}

#[async_trait]
impl Job for BackupJob {
    fn name(&self) -> &'static str {
        BACKUP
    }

    fn first(&self, _: Timestamp, now: Timestamp) -> NextPass {
        self.plan.schedule.after(now).into()
    }

    async fn run(&self, tracker: &Tracker, due: Timestamp) -> Result<NextPass, PassError> {
        let now = tracker.now();
        // After a sleep past the time, the name must not say otherwise.
        let named = if now.since(due) > CATCH_UP_WINDOW { now } else { due };
        once(&self.file, &self.plan, named).await.map_err(PassError::Other)?;
        Ok(self.plan.schedule.after(tracker.now()).into())
    }

    /// The next is taken in its time.
    fn after_failure(&self, _: u32, tracker: &Tracker) -> NextPass {
        self.plan.schedule.after(tracker.now()).into()
    }
}

/// Stops the work on its thread when its caller goes away.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Takes one backup in a thread of its own.
///
/// # Errors
/// With why it failed, which is in the log.
async fn once(file: &Path, plan: &BackupPlan, at: Timestamp) -> Result<(), String> {
    let began = Instant::now();
    let stop = StopOnDrop(Stop::default());
    let (file, owned, stopped) = (file.to_path_buf(), plan.clone(), stop.0.clone());
    let taken = tokio::task::spawn_blocking(move || take(&file, &owned, at, &stopped)).await;
    let duration_ms = millis(began.elapsed());
    let cause = match taken {
        Ok(Ok(Taken { path, done, removed })) => {
            info!(
                job_name = BACKUP,
                file = %path.display(),
                bytes = done.bytes,
                backups_removed = removed,
                duration_ms,
                "Background job done"
            );
            return Ok(());
        }
        Ok(Err(cause)) => cause.to_string(),
        Err(died) => died.to_string(),
    };
    error!(job_name = BACKUP, cause, duration_ms, "A backup failed; the next is taken in its time");
    Err(cause)
}

/// What was done at one time of the schedule.
#[derive(Debug)]
struct Taken {
    path: PathBuf,
    done: BackedUp,
    removed: usize,
}

/// One backup, and after it the end of those that are too many.
fn take(file: &Path, plan: &BackupPlan, at: Timestamp, stop: &Stop) -> Result<Taken, BackupError> {
    let folder = &plan.folder;
    let failed = |why: io::Error| BackupError::Folder { folder: folder.clone(), why };
    fs::create_dir_all(folder).map_err(failed)?;
    // One at a time, also when another server has the same folder.
    let turn = File::open(folder).map_err(failed)?;
    turn.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => BackupError::UnderWay(folder.clone()),
        fs::TryLockError::Error(error) => failed(error),
    })?;
    let name = format!("{}{}{}", NAME.0, stamp(at), NAME.1);
    let path = folder.join(&name);
    let done = backup(file, &path, Existing::Stays, stop, &mut |_| {})?;
    let removed = remove_old(folder, &name, plan.keep).unwrap_or_else(|error| {
        warn!(job_name = BACKUP, cause = %error, folder = %folder.display(), "Old backups could not be removed");
        0
    });
    Ok(Taken { path, done, removed })
}

/// Removes the oldest backups beyond `keep`, never the newest, and the unfinished files of killed processes.
fn remove_old(folder: &Path, taken: &str, keep: usize) -> io::Result<usize> {
    let mut finished = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file())) else { continue };
        let unfinished = name.strip_prefix(UNFINISHED.0).and_then(|name| name.strip_suffix(UNFINISHED.1));
        if is_ours(name) && name != taken {
            finished.push(name.to_owned());
        } else if unfinished.is_some_and(is_ours) {
            // No other backup is under way: there is one at a time in this folder.
            fs::remove_file(entry.path())?;
        }
    }
    // Their names are in the order of their times.
    finished.sort_unstable();
    let too_many = (finished.len() + 1).saturating_sub(keep);
    for name in finished.iter().take(too_many) {
        fs::remove_file(folder.join(name))?;
    }
    Ok(too_many)
}

/// `rekindle-20261121T020000Z.db`.
fn is_ours(name: &str) -> bool {
    let time = name.strip_prefix(NAME.0).and_then(|name| name.strip_suffix(NAME.1));
    time.is_some_and(|time| {
        let fits = |(place, c): (usize, u8)| match place {
            8 => c == b'T',
            15 => c == b'Z',
            _ => c.is_ascii_digit(),
        };
        time.len() == 16 && time.bytes().enumerate().all(fits)
    })
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
enum BackupError {
    /// Its folder cannot be used.
    #[error(
        "the folder {} cannot be used: {why}; make it, and give the server's user the right to write to it",
        .folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Another is taken to the same folder.
    #[error("another backup to {} is under way", .0.display())]
    UnderWay(PathBuf),
    /// It was not taken, and why.
    #[error(transparent)]
    Backup(#[from] MaintenanceError),
}

#[cfg(test)]
mod tests;
