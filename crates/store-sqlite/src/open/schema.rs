//! Whose database it is, which schema it has, and how it is brought up to date.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::OpenError;

/// The application id in the header of every database of ours ("rknd"); other databases have another.
pub(crate) const APPLICATION_ID: i32 = 0x726b_6e64;

pub(super) mod embedded {
    //! The numbered SQL files, as the compiler found them.
    refinery::embed_migrations!("migrations");
}

/// Returns the application id in the header of a database.
pub(crate) fn application_id(db: &Connection) -> rusqlite::Result<i32> {
    db.pragma_query_value(None, "application_id", |row| row.get(0))
}

/// The newest schema that this program knows.
pub(crate) fn known() -> i64 {
    let runner = embedded::migrations::runner();
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// The schema that the database has; 0 when it has none yet.
pub(crate) fn applied(db: &Connection) -> rusqlite::Result<i64> {
    let history = "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'";
    if db.query_row(history, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(0);
    }
    db.query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
}

/// A database that a newer version has written is not for this one.
///
/// # Errors
/// [`OpenError::Newer`].
pub(crate) fn refuse_newer(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let found = applied(db).map_err(|error| OpenError::from_sqlite(path.to_path_buf(), &error))?;
    match known() {
        known if found > known => Err(OpenError::Newer { path: path.to_path_buf(), found, known }),
        _ => Ok(()),
    }
}

/// All of what is missing, or nothing. What is missing is looked up before the transaction that adds it: when another
/// process that opens the database adds it in between, it is there already, and looking again shows that.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::from_sqlite(path.to_path_buf(), &error);
    db.set_transaction_behavior(TransactionBehavior::Immediate);
    loop {
        let before = applied(db).map_err(failed)?;
        let Err(error) = embedded::migrations::runner().set_grouped(true).run(db) else { return Ok(()) };
        // Each further round needs a schema that grew meanwhile, and none grows beyond what some program knows.
        if applied(db).map_err(failed)? == before {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            return Err(OpenError::Migration { path: path.to_path_buf(), why: format!("{error}{cause}") });
        }
        refuse_newer(db, path)?;
    }
}
