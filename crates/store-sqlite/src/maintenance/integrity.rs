//! Whether SQLite finds a database whole.

use rusqlite::{Connection, Row};

/// As many problems of one kind are named.
pub(super) const NAMED: usize = 100;

/// What SQLite finds: in the pages, in the indexes, in the constraints, in references between tables.
pub(super) fn integrity(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found = lines(db, &format!("PRAGMA integrity_check({NAMED})"), |row| row.get::<_, String>(0))?;
    found.retain(|line| line != "ok");
    found.extend(lines(db, "PRAGMA foreign_key_check", |row| {
        let (table, to) = (row.get::<_, String>(0)?, row.get::<_, String>(2)?);
        Ok(format!("a row of {table} refers to a row of {to} that is not there"))
    })?);
    Ok(found)
}

/// Returns what a statement finds, at most [`NAMED`] lines.
pub(super) fn lines(
    db: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<String>,
) -> rusqlite::Result<Vec<String>> {
    db.prepare(sql)?.query_map([], read)?.take(NAMED).collect()
}
