//! The hot command: refreshes a heartbeat in place and returns the row.
//!
//! It reads the row and then writes one column of it by its row number, within the writer's transaction. One statement
//! with `RETURNING` would do the same for four times the work: SQLite then keeps a journal for the statement and
//! copies each row through a table of its own.

use rekindle_core::domain::machine::{Machine, MachineStatus};
use rekindle_core::domain::session::{Session, SessionStatus};
use rekindle_core::store::{SessionHeartbeat, StoreError, Versioned};
use rekindle_core::values::{MachineId, Timestamp};
use rekindle_records::Record;
use rusqlite::{Connection, Params};

use crate::codec::{Sequenced, record};
use crate::error::not_written;
use crate::sql;
use crate::sql::kinds::statements_of;

/// Records a session's heartbeat. Returns none when there is no row in a state that takes one.
pub(crate) fn session(db: &Connection, beat: &SessionHeartbeat) -> Result<Option<Versioned<Session>>, StoreError> {
    let Some(row) = found::<Session>(db, [beat.session.0.as_bytes()])? else { return Ok(None) };
    let session = &row.entity.value;
    let allows = matches!(session.status(), SessionStatus::Active | SessionStatus::Paused);
    let shows = beat.current_task.is_none() || beat.current_task.as_ref() == session.current_task();
    if !(allows && shows) {
        return Ok(None);
    }
    let heard = heard(db, sql::HEARTBEAT, row.seq, session.last_heartbeat, beat.at)?;
    let mut refreshed = row.entity;
    refreshed.value.last_heartbeat = heard;
    Ok(Some(refreshed))
}

/// Records a machine's heartbeat. Returns none when there is no row in a state that takes one.
pub(crate) fn machine(
    db: &Connection,
    id: &MachineId,
    at: Timestamp,
) -> Result<Option<Versioned<Machine>>, StoreError> {
    let row = found::<Machine>(db, [id.as_str()])?;
    let Some(row) = row.filter(|row| row.entity.value.status != MachineStatus::Offline) else { return Ok(None) };
    let heard = heard(db, sql::MACHINE_HEARTBEAT, row.seq, row.entity.value.last_heartbeat, at)?;
    let mut refreshed = row.entity;
    refreshed.value.last_heartbeat = heard;
    Ok(Some(refreshed))
}

/// Moves the last heartbeat of a row forward, never back. Returns the resulting time.
fn heard(db: &Connection, sql: &str, seq: i64, before: Timestamp, at: Timestamp) -> Result<Timestamp, StoreError> {
    if at > before {
        let update = db.prepare_cached(sql).and_then(|mut update| update.execute((seq, at.millis())));
        update.map_err(|error| not_written(&error))?;
    }
    Ok(before.max(at))
}

fn found<R: Record>(db: &Connection, id: impl Params) -> Result<Option<Sequenced<R>>, StoreError> {
    let failed = |error: rusqlite::Error| not_written(&error);
    let mut select = db.prepare_cached(&statements_of::<R>().by_key).map_err(failed)?;
    let mut rows = select.query(id).map_err(failed)?;
    rows.next().map_err(failed)?.map(record).transpose()
}
