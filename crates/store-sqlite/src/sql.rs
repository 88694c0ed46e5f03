//! The fixed statements, and those made of declarations, in one place, so that tests can ask SQLite how it runs them.
//!
//! Each names the index it uses (`INDEXED BY`): a plan then depends on no statistics, and a statement that lost its
//! index fails at once instead of reading a million rows. Statuses that a partial index names are written out,
//! because SQLite must see them to use it.

pub(crate) mod audit;
pub(crate) mod kinds;
pub(crate) mod selection;
pub(crate) mod statements;

use std::sync::LazyLock;

use rekindle_core::domain::event::Event;
use rekindle_records::Record;

use self::kinds::statements_of;

// Heartbeats.

pub(crate) const HEARTBEAT: &str = "UPDATE sessions SET last_heartbeat = ?2 WHERE seq = ?1";
pub(crate) const MACHINE_HEARTBEAT: &str = "UPDATE machines SET last_heartbeat = ?2 WHERE seq = ?1";

// Changes beyond those of one record by its key.

pub(crate) const DELETE_TASKS_OF: &str = "DELETE FROM tasks INDEXED BY tasks_session WHERE session_id = ?1";
pub(crate) const DELETE_EVENTS_OF: &str =
    "DELETE FROM events INDEXED BY events_session WHERE session_id = ?1 AND kept_with = ?1";
/// A response whose time is over is replaced.
pub(crate) const INSERT_RESPONSE: &str = "INSERT INTO answers AS old (key, request, answer, at, until) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (key) DO UPDATE SET request = excluded.request, answer = excluded.answer, at = excluded.at, \
     until = excluded.until WHERE old.until <= excluded.at";
/// Deletes up to two for each that is added, so that their number falls.
pub(crate) const DELETE_EXPIRED_RESPONSES: &str = "DELETE FROM answers WHERE rowid IN \
     (SELECT rowid FROM answers INDEXED BY answers_until WHERE until <= ?1 ORDER BY until LIMIT 2)";
pub(crate) const INSERT_DETECTOR_STATE: &str =
    "INSERT OR IGNORE INTO watch (only_row, looked_at, due_by, silence_from) VALUES (1, ?1, ?2, ?3)";
pub(crate) const UPDATE_DETECTOR_STATE: &str = "UPDATE watch SET looked_at = ?1, due_by = ?2, silence_from = ?3 \
     WHERE only_row = 1 AND looked_at = ?4 AND due_by = ?5 AND silence_from = ?6";
pub(crate) const PURGE_EVENTS: &str = "DELETE FROM events WHERE position IN (SELECT position \
     FROM events INDEXED BY events_loose WHERE kept_with IS NULL AND at < ?1 ORDER BY at LIMIT ?2)";
/// Writes a row as it is, to show whether the database accepts a write.
pub(crate) const PING: &str = "UPDATE session_counts SET n = n WHERE status = 'active' AND archived = 0";

// Leases. The time is SQLite's own and does not move within a statement.

/// Parameters: duty, holder, milliseconds. A lease that was taken in the future is over: the clock was set back since.
pub(crate) const CLAIM: &str = "INSERT INTO leases AS held (duty, holder, token, since, until) \
     VALUES (?1, ?2, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER) + ?3) \
     ON CONFLICT (duty) DO UPDATE SET token = held.token + (held.holder IS NOT excluded.holder), \
     holder = excluded.holder, since = excluded.since, until = excluded.until \
     WHERE held.holder IS NULL OR held.holder = excluded.holder OR held.until <= excluded.since \
     OR held.since > excluded.since RETURNING token";
pub(crate) const RELEASE: &str = "UPDATE leases SET holder = NULL WHERE duty = ?1 AND token = ?2";
pub(crate) const LEASE_IS_CURRENT: &str = "SELECT 1 FROM leases WHERE duty = ?1 AND token = ?2 AND holder IS NOT NULL";

/// Shows whether anything can be read.
pub(crate) const PROBE: &str = "SELECT n FROM session_counts WHERE status = 'active' AND archived = 0";
pub(crate) static EVENTS: LazyLock<String> =
    LazyLock::new(|| select::<Event>("WHERE position > ?1 ORDER BY position LIMIT ?2"));

/// Returns the statement that reads records of one of Rekindle's own kinds: `rest` follows the name of the table.
pub(crate) fn select<R: Record>(rest: &str) -> String {
    format!("SELECT {} FROM {} {rest}", statements_of::<R>().columns, R::DECLARATION.name)
}

/// Returns every statement that is fixed, for the tests of plans.
#[cfg(test)]
fn all() -> Vec<String> {
    let fixed = [
        HEARTBEAT,
        MACHINE_HEARTBEAT,
        DELETE_TASKS_OF,
        DELETE_EVENTS_OF,
        INSERT_RESPONSE,
        DELETE_EXPIRED_RESPONSES,
        INSERT_DETECTOR_STATE,
        UPDATE_DETECTOR_STATE,
        PURGE_EVENTS,
        PING,
        CLAIM,
        RELEASE,
        LEASE_IS_CURRENT,
        PROBE,
        &EVENTS,
    ];
    let mut all: Vec<String> = fixed.map(str::to_owned).into();
    let kinds = kinds::Kinds::with(rekindle_records::Extension::NONE);
    all.extend(kinds.all().flat_map(|kind| kind.statements.all(kind.declaration)));
    all
}

#[cfg(test)]
mod tests;
