//! Whether a database is sound as a database: its pages and indexes, the numbers that its triggers keep, and that every
//! row can be read. What the rows say together is the domain's to judge: [`rekindle_integrity`].

use std::path::Path;

use rekindle_core::{Machine, Session, StoreError, Task};
use rekindle_records::Record;
use rusqlite::Connection;

use super::error::MaintenanceError;
use super::integrity::{NAMED, integrity, lines};
use super::paths::absolute;
use super::progress::{Progress, Stop};
use crate::open::{applied, existing, inspect_schema, known};
use crate::{codec, sql};

/// Looks for problems of one kind, each in a sentence.
type Look = fn(&Connection) -> rusqlite::Result<Vec<String>>;

/// What a database is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseReport {
    /// Its schema.
    pub schema: i64,
    /// The schema of this version; a server of it brings an older one up to date.
    pub known: i64,
    /// Its size.
    pub bytes: u64,
    /// How much of that is room that deleted rows left.
    pub free_bytes: u64,
    /// What is wrong, each in a sentence; empty when it is sound.
    pub problems: Vec<String>,
}

/// Looks at all of it, as it is at one moment, also while others write. Changes nothing. Blocks.
///
/// # Errors
/// See [`MaintenanceError`]: when it cannot be looked at at all.
pub fn check(path: &Path, stop: &Stop, tell: &mut dyn FnMut(Progress)) -> Result<DatabaseReport, MaintenanceError> {
    let path = absolute(path)?;
    inspect_schema(&path)?;
    let failed = |error: rusqlite::Error| MaintenanceError::reading(&path, &error);
    let mut db = existing(&path).map_err(failed)?;
    stop.watch(&mut db).map_err(failed)?;
    let at_once = db.unchecked_transaction().map_err(failed)?;
    let number = |pragma: &str| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(failed);
    let page = number("page_size")?;
    let bytes = |pages: i64| u64::try_from(pages.saturating_mul(page)).unwrap_or(0);
    let (schema, known) = (applied(&db).map_err(failed)?, known());
    let mut report = DatabaseReport {
        schema,
        known,
        bytes: bytes(number("page_count")?),
        free_bytes: bytes(number("freelist_count")?),
        problems: Vec::new(),
    };
    tell(Progress::Verifying);
    report.problems = integrity(&db).map_err(failed)?;
    stop.check()?;
    tell(Progress::Reading);
    // What follows reads tables by this version's names; damage was named already.
    let looks = [numbers as Look, unreadable];
    for look in looks.into_iter().filter(|_| schema == known) {
        match look(&db) {
            Ok(problems) => report.problems.extend(problems),
            Err(error) if report.problems.is_empty() || stop.is_stopped() => return Err(failed(error)),
            Err(error) => report.problems.push(error.to_string()),
        }
    }
    drop(at_once);
    Ok(report)
}

/// The numbers that triggers keep, against what there is.
fn numbers(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let sessions = "WITH counted AS (SELECT status, archived_at IS NOT NULL AS archived, count(*) AS n FROM sessions \
         GROUP BY 1, 2) \
         SELECT coalesce(k.status, c.status), coalesce(k.archived, c.archived), coalesce(k.n, 0), coalesce(c.n, 0) \
         FROM session_counts k FULL JOIN counted c ON k.status = c.status AND k.archived = c.archived \
         WHERE coalesce(k.n, 0) <> coalesce(c.n, 0)";
    let tasks = "WITH counted AS (SELECT status, count(*) AS n FROM tasks GROUP BY 1) \
         SELECT coalesce(k.status, c.status), 0, coalesce(k.n, 0), coalesce(c.n, 0) \
         FROM task_counts k FULL JOIN counted c ON k.status = c.status WHERE coalesce(k.n, 0) <> coalesce(c.n, 0)";
    let mut wrong = Vec::new();
    for (what, sql) in [("sessions", sessions), ("tasks", tasks)] {
        wrong.extend(lines(db, sql, |row| {
            let (status, archived, kept) = (row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, i64>(2)?);
            let there: i64 = row.get(3)?;
            let archived = if archived { "archived " } else { "" };
            Ok(format!("the database counts {kept} {archived}{status} {what}, and there are {there}"))
        })?);
    }
    Ok(wrong)
}

/// The rows that make no sense to this program, each named.
fn unreadable(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found = Vec::new();
    each::<Session>(db, &mut found)?;
    each::<Task>(db, &mut found)?;
    each::<Machine>(db, &mut found)?;
    let mut statement = db.prepare(&sql::EVENTS)?;
    let mut events = statement.query((0, i64::MAX))?;
    while let Some(row) = events.next()? {
        note(codec::event(row).map(drop), &mut found);
    }
    Ok(found)
}

fn each<R: Record>(db: &Connection, found: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut statement = db.prepare(&sql::select::<R>("ORDER BY seq"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        note(codec::record::<R>(row).map(drop), found);
    }
    Ok(())
}

fn note(read: Result<(), StoreError>, found: &mut Vec<String>) {
    if let Err(error) = read
        && found.len() < NAMED
    {
        found.push(error.to_string());
    }
}
