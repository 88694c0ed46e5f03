//! Opens connections: first looks, without touching anything, whether the file is ours and not newer than we are;
//! then sets what belongs to a connection and brings the schema up to date.

mod error;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::OpenError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::options::{Location, SqliteOptions};

/// In the header of every database of ours ("rknd"), so that those of others are told apart.
pub const APPLICATION_ID: i32 = 0x726b_6e64;

/// Every statement there is fits, with the variants of the lists.
const STATEMENTS_KEPT: usize = 256;
/// The write-ahead log is cut back to this many bytes once it has been copied into the database.
const LOG_KEPT_BYTES: i64 = 32 * 1024 * 1024;
/// The header of a SQLite file, up to the end of the application id.
const HEADER: usize = 72;

mod embedded {
    //! The numbered SQL files, as the compiler found them.
    refinery::embed_migrations!("migrations");
}

/// Opens the connection that writes, with the schema of this version.
///
/// # Errors
/// See [`OpenError`].
pub fn writer(options: &SqliteOptions) -> Result<Connection, OpenError> {
    let path = path_of(&options.location)?;
    if let Location::File(_) = options.location {
        look_at(&path)?;
    }
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.clone(), &error);
    let mut db = connect(options, &path).map_err(failed)?;
    db.busy_timeout(busy_timeout(options)).map_err(failed)?;
    // SQLite opens a file that it may not write for reading only, and says so only on request.
    if db.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(OpenError::NotWritable { path, why: "it is read-only".to_owned() });
    }
    refuse_newer(&db, &path)?;
    if application_id(&db).map_err(failed)? != APPLICATION_ID {
        claim(&db, &path)?;
    }
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).map_err(failed)?;
    if matches!(options.location, Location::File(_)) && mode != "wal" {
        return Err(OpenError::NoWriteAheadLog(path));
    }
    prepare(&db, options.writer_cache_kib).map_err(failed)?;
    // A commit that was answered survives a power cut.
    db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    migrate(&mut db, &path)?;
    if let Some(pages) = options.max_pages {
        db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(failed)?;
    }
    Ok(db)
}

/// Opens a connection that only reads, beside a writer.
///
/// # Errors
/// See [`OpenError`].
pub fn reader(options: &SqliteOptions) -> Result<Connection, OpenError> {
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
pub fn copier(options: &SqliteOptions) -> Result<Connection, OpenError> {
    let path = path_of(&options.location)?;
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.clone(), &error);
    let db = connect(options, &path).map_err(failed)?;
    prepare(&db, 256).map_err(failed)?;
    db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    Ok(db)
}

/// Absolute, because SQLite would read a relative name that begins with `file:` as a URL.
fn path_of(location: &Location) -> Result<PathBuf, OpenError> {
    match location {
        Location::Memory => Ok(PathBuf::from(":memory:")),
        Location::File(path) => {
            std::path::absolute(path).map_err(|error| OpenError::Failed { path: path.clone(), why: error.to_string() })
        }
    }
}

/// Refuses what is surely not ours without letting SQLite near it: opening another program's database could already
/// write its log back.
fn look_at(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::IsFolder(path.to_path_buf()));
    }
    match path.parent() {
        Some(folder) if !folder.is_dir() => return Err(OpenError::NoFolder(folder.to_path_buf())),
        Some(_) | None => {}
    }
    let mut header = Vec::with_capacity(HEADER);
    match File::open(path) {
        Ok(file) => {
            let read = file.take(HEADER as u64).read_to_end(&mut header);
            read.map_err(|error| OpenError::Failed { path: path.to_path_buf(), why: error.to_string() })?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::NotWritable { path: path.to_path_buf(), why: error.to_string() }),
    }
    match header.as_slice() {
        [] => Ok(()),
        header if !header.starts_with(b"SQLite format 3\0") => Err(OpenError::NotADatabase(path.to_path_buf())),
        [.., a, b, c, d] if [*a, *b, *c, *d] == APPLICATION_ID.to_be_bytes() && header.len() == HEADER => Ok(()),
        _ => Err(OpenError::Foreign(path.to_path_buf())),
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
    // The writer sees to the log itself, when nobody waits for it.
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))
}

fn application_id(db: &Connection) -> rusqlite::Result<i32> {
    db.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// Makes an empty database ours.
fn claim(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.to_path_buf(), &error);
    let objects: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if objects > 0 {
        return Err(OpenError::Foreign(path.to_path_buf()));
    }
    db.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)
}

/// The newest schema that this program knows.
fn known() -> i64 {
    let runner = embedded::migrations::runner();
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

fn refuse_newer(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.to_path_buf(), &error);
    let history = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    let any: i64 = db.query_row(history, [], |row| row.get(0)).map_err(failed)?;
    if any == 0 {
        return Ok(());
    }
    let newest = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    let found: i64 = db.query_row(newest, [], |row| row.get(0)).map_err(failed)?;
    match known() {
        known if found > known => Err(OpenError::Newer { path: path.to_path_buf(), found, known }),
        _ => Ok(()),
    }
}

/// All of what is missing, or nothing.
fn migrate(db: &mut Connection, path: &Path) -> Result<(), OpenError> {
    db.set_transaction_behavior(TransactionBehavior::Immediate);
    let run = embedded::migrations::runner().set_grouped(true).run(db);
    match run {
        Ok(_) => Ok(()),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            Err(OpenError::Migration { path: path.to_path_buf(), why: format!("{error}{cause}") })
        }
    }
}

#[cfg(test)]
mod tests;
