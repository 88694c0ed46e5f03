//! Opens connections: first looks, without touching anything, whether the file is ours and not newer than we are;
//! then sets what belongs to a connection and brings the schema up to date.

mod error;
mod inspect;
mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::OpenError;
pub(crate) use inspect::{existing, identity, immutable, inspect, inspect_schema, sidecar_files};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use schema::migrate;
pub(crate) use schema::{APPLICATION_ID, application_id, applied, known, refuse_newer};

use crate::options::{Location, SqliteOptions};

/// Every statement there is fits, with the variants of the lists.
const STATEMENTS_KEPT: usize = 256;
/// The write-ahead log is cut back to this many bytes once it has been copied into the database.
const LOG_KEPT_BYTES: i64 = 32 * 1024 * 1024;
/// How often others are waited for who set up the log at the same moment.
const WAITS_FOR_LOG: u32 = 20;
/// How often a database is opened anew that was replaced by another one in the meantime.
const WAITS_FOR_REPLACED: u32 = 5;

/// Opens the connection that writes, with the schema of this version.
///
/// # Errors
/// See [`OpenError`].
pub(crate) fn writer(options: &SqliteOptions) -> Result<Connection, OpenError> {
    let path = path_of(&options.location)?;
    let mut tries = 0;
    loop {
        let before = identity(&path);
        if let Location::File(_) = options.location {
            inspect(&path)?;
        }
        let db = open_to_write(options, &path)?;
        tries += 1;
        // A restore may have put another file in its place before this connection was there to be seen.
        if before.is_none() || identity(&path) == before || tries > WAITS_FOR_REPLACED {
            return Ok(db);
        }
    }
}

fn open_to_write(options: &SqliteOptions, path: &Path) -> Result<Connection, OpenError> {
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.to_path_buf(), &error);
    let mut db = connect(options, path).map_err(failed)?;
    db.busy_timeout(busy_timeout(options)).map_err(failed)?;
    // SQLite opens a file that it may not write for reading only, and says so only on request.
    if db.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(OpenError::NotWritable { path: path.to_path_buf(), why: "it is read-only".to_owned() });
    }
    refuse_newer(&db, path)?;
    if application_id(&db).map_err(failed)? != APPLICATION_ID {
        claim(&mut db, path)?;
    }
    let mode = write_ahead(&mut db).map_err(failed)?;
    if matches!(options.location, Location::File(_)) && mode != "wal" {
        return Err(OpenError::NoWriteAheadLog(path.to_path_buf()));
    }
    prepare(&db, options.writer_cache_kib).map_err(failed)?;
    // A commit that was answered survives a power cut.
    db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    migrate(&mut db, path)?;
    db.execute_batch(options.extension.sql).map_err(|error| OpenError::Migration {
        path: path.to_path_buf(),
        why: format!("the tables of {:?} could not be made: {error}", options.extension),
    })?;
    if let Some(pages) = options.max_pages {
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(failed)?;
    }
    Ok(db)
}

/// Opens a connection that only reads, beside a writer.
///
/// # Errors
/// See [`OpenError`].
pub(crate) fn reader(options: &SqliteOptions) -> Result<Connection, OpenError> {
    let path = path_of(&options.location)?;
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.clone(), &error);
    let db = connect(options, &path).map_err(failed)?;
    db.busy_timeout(busy_timeout(options)).map_err(failed)?;
    prepare(&db, options.reader_cache_kib).map_err(failed)?;
    db.pragma_update(None, "query_only", true).map_err(failed)?;
    Ok(db)
}

/// Opens a connection that copies the write-ahead log into the database while the writer goes on.
///
/// # Errors
/// See [`OpenError`].
pub(crate) fn checkpoint_connection(options: &SqliteOptions) -> Result<Connection, OpenError> {
    let path = path_of(&options.location)?;
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.clone(), &error);
    let db = connect(options, &path).map_err(failed)?;
    prepare(&db, 256).map_err(failed)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    Ok(db)
}

/// Absolute, because SQLite would read a relative name that begins with `file:` as a URL.
pub(crate) fn path_of(location: &Location) -> Result<PathBuf, OpenError> {
    match location {
        Location::Memory => Ok(PathBuf::from(":memory:")),
        Location::File(path) => {
            std::path::absolute(path).map_err(|error| OpenError::Failed { path: path.clone(), why: error.to_string() })
        }
    }
}

fn connect(options: &SqliteOptions, path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match options.location {
        Location::Memory => Connection::open_in_memory_with_flags(flags | OpenFlags::SQLITE_OPEN_CREATE),
        Location::File(_) => Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_CREATE),
    }
}

/// Half of what a caller waits: who then hears that the database is held by others still has the time to hear it.
fn busy_timeout(options: &SqliteOptions) -> Duration {
    options.call_timeout / 2
}

fn prepare(db: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    db.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT_BYTES, |_| Ok(()))?;
    // The writer checkpoints the log itself, when no command waits.
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))
}

/// Requests a write-ahead log, and returns the mode that it got. SQLite does not wait for other processes in this: an
/// empty write waits for those that open the database at the same moment.
fn write_ahead(db: &mut Connection) -> rusqlite::Result<String> {
    let mut tries = 0;
    loop {
        let mode = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        let busy = mode.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy));
        tries += 1;
        if !busy || tries > WAITS_FOR_LOG {
            return mode;
        }
        db.transaction_with_behavior(TransactionBehavior::Immediate)?.commit()?;
    }
}

/// Makes an empty database ours, unless another process just did.
fn claim(db: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.to_path_buf(), &error);
    let alone = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if application_id(&alone).map_err(failed)? == APPLICATION_ID {
        return Ok(());
    }
    let objects: i64 = alone.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if objects > 0 {
        return Err(OpenError::Foreign(path.to_path_buf()));
    }
    alone.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    alone.commit().map_err(failed)
}

#[cfg(test)]
mod tests;
