//! A copy of a database at one moment, while others go on writing to it. The copying connection holds one read
//! transaction from the first page to the last: in a write-ahead log that is a snapshot, so that no writer makes SQLite
//! begin anew, and none waits. The copy is one file without a log, and is checked before it gets its final name.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::MaintenanceError;
use super::integrity::integrity;
use super::partial_file::Part;
use super::progress::{Progress, Stop};
use crate::open::{APPLICATION_ID, OpenError, application_id, existing, immutable, inspect_schema, refuse_newer};

/// One megabyte at a time.
const PAGES_AT_ONCE: i32 = 256;
/// After so many steps the copied pages are synced to the disk: syncing all of them at the end would delay other writes
/// to the same disk.
const STEPS_BETWEEN_SYNCS: u32 = 16;
/// How long a database that recovers its log is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Copied {
    /// Pages.
    pub pages: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Copies a database of ours into a part, and checks the copy.
///
/// # Errors
/// See [`MaintenanceError`].
pub(super) fn copy(
    from: &Path,
    part: &Part,
    stop: &Stop,
    tell: &mut dyn FnMut(Progress),
) -> Result<Copied, MaintenanceError> {
    let source = snapshot(from)?;
    let pages = pages(&source, from, part, stop, tell)?;
    // The log may start afresh again.
    drop(source);
    let bytes = std::fs::metadata(part.path()).map(|about| about.len());
    let bytes = bytes.map_err(|error| MaintenanceError::io(part.target(), "cannot be written", &error))?;
    tell(Progress::Verifying);
    stop.check()?;
    verify(from, part, stop)?;
    Ok(Copied { pages, bytes })
}

/// Returns a connection in a read transaction. It sees every commit that was reported before, and none that begins from
/// now on.
fn snapshot(from: &Path) -> Result<Connection, MaintenanceError> {
    inspect_schema(from).or_else(|error| if is_sealed(&error, from) { Ok(0) } else { Err(error) })?;
    let failed = |error: &rusqlite::Error| MaintenanceError::reading(from, error);
    let open = || -> rusqlite::Result<Connection> {
        let db = existing(from)?;
        db.busy_timeout(PATIENCE)?;
        db.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
        Ok(db)
    };
    let sealed = || immutable(from).and_then(|db| db.execute_batch("BEGIN").map(|()| db));
    // Of a folder in which nothing can be written, a database without a log can be read nevertheless.
    let db = open().or_else(|error| {
        if is_sealed(&OpenError::from_sqlite(from.to_path_buf(), &error), from) {
            sealed().map_err(|error| failed(&error))
        } else {
            Err(failed(&error))
        }
    })?;
    refuse_newer(&db, from)?;
    Ok(db)
}

fn is_sealed(error: &OpenError, path: &Path) -> bool {
    let [log, ..] = crate::open::sidecar_files(path);
    matches!(error, OpenError::NotWritable { .. }) && path.is_file() && !log.exists()
}

fn pages(
    source: &Connection,
    from: &Path,
    part: &Part,
    stop: &Stop,
    tell: &mut dyn FnMut(Progress),
) -> Result<u64, MaintenanceError> {
    let failed = |error: &rusqlite::Error| MaintenanceError::writing(part.target(), error);
    let mut to = open_part(part).map_err(|error| failed(&error))?;
    let backup = Backup::new(source, &mut to).map_err(|error| failed(&error))?;
    let mut steps = 0_u32;
    loop {
        stop.check()?;
        let step = backup.step(PAGES_AT_ONCE).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => MaintenanceError::reading(from, &error),
            _ => failed(&error),
        })?;
        let now = backup.progress();
        let (of, left) = (u64::try_from(now.pagecount).unwrap_or(0), u64::try_from(now.remaining).unwrap_or(0));
        tell(Progress::Copying { done: of.saturating_sub(left), of });
        steps += 1;
        if steps.is_multiple_of(STEPS_BETWEEN_SYNCS) {
            part.sync()?;
        }
        match step {
            StepResult::Done => {
                drop(backup);
                to.close().map_err(|(_, error)| failed(&error))?;
                return Ok(of);
            }
            StepResult::More => {}
            // The snapshot is held and the part is ours alone; should SQLite ever say otherwise, nothing is forced.
            StepResult::Busy | StepResult::Locked | _ => return Err(MaintenanceError::InUse(from.to_path_buf())),
        }
    }
}

fn open_part(part: &Part) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(part.path(), flags)?;
    // A part that is not finished is worth nothing, and needs no journal; it is brought to the disk as a whole.
    db.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_mode", "off", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "OFF")?;
    Ok(db)
}

/// Makes the copy one file that needs no other, and checks it.
fn verify(from: &Path, part: &Part, stop: &Stop) -> Result<(), MaintenanceError> {
    let failed = |error: rusqlite::Error| MaintenanceError::writing(part.target(), &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(part.path(), flags).map_err(failed)?;
    stop.watch(&mut db).map_err(failed)?;
    db.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(())).map_err(failed)?;
    // The header still says that there is a log.
    db.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(())).map_err(failed)?;
    if application_id(&db).map_err(failed)? != APPLICATION_ID {
        return Err(OpenError::Foreign(from.to_path_buf()).into());
    }
    let problems = integrity(&db).map_err(failed)?;
    if !problems.is_empty() {
        // A copy is what its source is, page by page.
        return Err(MaintenanceError::Damaged { path: from.to_path_buf(), problems });
    }
    db.close().map_err(|(_, error)| failed(error))
}
