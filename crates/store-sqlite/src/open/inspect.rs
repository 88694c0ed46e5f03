//! Looks at a file without touching it. SQLite itself reads it: a file that this process opened and closed by other means
//! would take the locks of every connection to it along, so that another process could remove the log under a store.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::OpenError;
use super::schema::{APPLICATION_ID, application_id, applied, refuse_newer};

/// Refuses what is surely not ours without letting SQLite do anything to it: opening another program's database could
/// already write its log back.
///
/// # Errors
/// Why it cannot be ours. A file that is not there, or is empty, may become ours.
pub(crate) fn inspect(path: &Path) -> Result<(), OpenError> {
    if path.is_dir() {
        return Err(OpenError::IsFolder(path.to_path_buf()));
    }
    match path.parent() {
        Some(folder) if !folder.is_dir() => return Err(OpenError::NoFolder(folder.to_path_buf())),
        Some(_) | None => {}
    }
    match fs::metadata(path) {
        Ok(about) if about.len() == 0 => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::NotWritable { path: path.to_path_buf(), why: error.to_string() }),
    }
    match header(path) {
        Ok(APPLICATION_ID) => Ok(()),
        Ok(_) => Err(OpenError::Foreign(path.to_path_buf())),
        // Without its log it may look torn: while that is copied into it, and after a crash in the middle of that. Opening
        // it in earnest tells.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => Ok(()),
        Err(error) => Err(OpenError::from_sqlite(path.to_path_buf(), &error)),
    }
}

/// The application id in a file's header. While a log is copied into the file, the header may speak of pages that are not there
/// yet; SQLite refuses that unless `writable_schema` is on, and only the header is read here.
fn header(path: &Path) -> rusqlite::Result<i32> {
    let db = immutable(path)?;
    db.pragma_update(None, "writable_schema", true)?;
    application_id(&db)
}

/// Refuses what is not a database of ours, or a newer version's. Returns its schema.
///
/// # Errors
/// As [`inspect`], [`OpenError::Missing`] and [`OpenError::Newer`].
pub(crate) fn inspect_schema(path: &Path) -> Result<i64, OpenError> {
    inspect(path)?;
    if !fs::metadata(path).is_ok_and(|about| about.len() > 0) {
        return Err(OpenError::Missing(path.to_path_buf()));
    }
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.to_path_buf(), &error);
    let db = existing(path).map_err(failed)?;
    refuse_newer(&db, path)?;
    applied(&db).map_err(failed)
}

/// A connection to a database that is there, which will change nothing in it.
pub(crate) fn existing(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.pragma_update(None, "query_only", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    Ok(db)
}

/// Returns a connection that takes no lock and reads no log: for files that do not change, and for the header.
pub(crate) fn immutable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{}?immutable=1", escaped(path)), flags)
}

/// The path as a part of a URL.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The identity of the file at a path, which differs when another file replaces it; `None` when there is no file.
#[cfg(unix)]
pub(crate) fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

/// Elsewhere a file that is open cannot be replaced.
#[cfg(not(unix))]
pub fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

/// The files that SQLite keeps beside a database.
pub(crate) fn sidecar_files(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}
