//! Writes a database anew without the space of deleted rows, and checks its indexes.

use std::fs;
use std::path::Path;

use super::error::MaintenanceError;
use super::exclusive::alone;
use super::paths::absolute;
use super::progress::{Progress, Stop};
use crate::open::{inspect_schema, refuse_newer};

/// As many rows of an index are looked at.
const LOOKED_AT: u32 = 1000;

/// What became of the file's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vacuumed {
    /// Its bytes before.
    pub before: u64,
    /// Its bytes now.
    pub after: u64,
}

/// Writes the database anew. It needs as much free space as the database has, and no other process on it: a writer
/// would wait for all of it. Blocks.
///
/// # Errors
/// See [`MaintenanceError`].
pub fn vacuum(path: &Path, stop: &Stop, tell: &mut dyn FnMut(Progress)) -> Result<Vacuumed, MaintenanceError> {
    let path = absolute(path)?;
    inspect_schema(&path)?;
    let failed = |error: rusqlite::Error| MaintenanceError::writing(&path, &error);
    let size = || {
        let about = fs::metadata(&path).map_err(|error| MaintenanceError::io(&path, "cannot be read", &error));
        about.map(|about| about.len())
    };
    let mut db = alone(&path)?;
    refuse_newer(&db, &path)?;
    // What is still in the log belongs to the size before.
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed)?;
    let before = size()?;
    tell(Progress::Rewriting);
    stop.watch(&mut db).map_err(failed)?;
    db.execute_batch("VACUUM").map_err(failed)?;
    db.execute_batch(&format!("PRAGMA analysis_limit = {LOOKED_AT}; ANALYZE; PRAGMA optimize")).map_err(failed)?;
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed)?;
    db.close().map_err(|(_, error)| failed(error))?;
    Ok(Vacuumed { before, after: size()? })
}
