//! Applies one [`Changes`] within the writer's transaction. The caller gives it a savepoint and undoes it on an error.

use rekindle_core::domain::event::Event;
use rekindle_core::domain::session::Session;
use rekindle_core::store::{
    AnyEntity, Changes, CommitError, Committed, DetectorStateUpdate, EVENT_PURGE_BATCH, Entity, Expect, Key, Put,
    StoredResponse, UniqueRule, Version, Versioned, Write,
};
use rekindle_records::Record;
use rusqlite::{CachedStatement, Connection, Params};

use crate::codec::{RowEncoder, key_parameter, sqlite_error};
use crate::error::{Violation, not_written, violation, write_failed};
use crate::lease;
use crate::sql;
use crate::sql::kinds::{Kind, Kinds, statements_of};

/// Applies all of the changes, or fails half-way.
pub(crate) fn apply(db: &Connection, kinds: &Kinds, changes: &Changes) -> Result<Committed, CommitError> {
    if let Some(fence) = changes.fence
        && !lease::is_current(db, fence)?
    {
        return Err(CommitError::Fenced);
    }
    if let Some(answer) = &changes.stored_response {
        store_response(db, answer)?;
    }
    let mut done = Committed::default();
    for write in &changes.writes {
        match write {
            Write::Put(row) => put(db, kinds, row)?,
            Write::Restore(row) => restore(db, kinds, row)?,
            Write::Touch(record, revision) => {
                let touch = &kinds.get(record.kind)?.statements.touch;
                one_row(run(db, kinds, touch, (key_parameter(&record.key), number(*revision)))?)?;
            }
            Write::Delete(record, at) => {
                let delete = &kinds.get(record.kind)?.statements.delete;
                let at = (key_parameter(&record.key), number(at.revision), number(at.touches));
                one_row(run(db, kinds, delete, at)?)?;
                if record.kind == Session::KIND {
                    done.deleted_tasks += delete_parts_of_session(db, kinds, &record.key)?;
                }
            }
        }
    }
    for event in &changes.events {
        let mut insert = prepare(db, &statements_of::<Event>().insert)?;
        execute(&mut insert, |to| event.encode(to).map_err(sqlite_error))
            .map_err(|error| write_failed(kinds, &error))?;
    }
    if let Some(watch) = &changes.detector_state {
        put_detector_state(db, kinds, watch)?;
    }
    if let Some(before) = changes.purge_events_before {
        let purged = run(db, kinds, sql::PURGE_EVENTS, (before.millis(), number(EVENT_PURGE_BATCH)))?;
        done.purged_events = u64::try_from(purged).unwrap_or(u64::MAX);
    }
    Ok(done)
}

fn put_detector_state(db: &Connection, kinds: &Kinds, watch: &DetectorStateUpdate) -> Result<(), CommitError> {
    let (now, due_by, from) =
        (watch.value.last_pass_at.millis(), watch.value.next_pass_due.millis(), watch.value.grace_until.millis());
    one_row(match watch.seen {
        None => run(db, kinds, sql::INSERT_DETECTOR_STATE, (now, due_by, from))?,
        Some(seen) => {
            let seen = (seen.last_pass_at.millis(), seen.next_pass_due.millis(), seen.grace_until.millis());
            run(db, kinds, sql::UPDATE_DETECTOR_STATE, (now, due_by, from, seen.0, seen.1, seen.2))?
        }
    })
}

fn put(db: &Connection, kinds: &Kinds, put: &Put) -> Result<(), CommitError> {
    let Some(expected) = Expected::of(put.expect) else { return insert(db, kinds, &put.value) };
    let kind = kinds.get(put.value.kind())?;
    let record = kind.record()?;
    let mut update = prepare(db, &kind.statements.update)?;
    let updated = execute(&mut update, |to| {
        record.encode(&put.value, to).map_err(sqlite_error)?;
        to.bind(number(expected.version.revision))?;
        to.bind(number(expected.version.touches))?;
        if kind.statements.has_heartbeats {
            to.bind(expected.heard_until)?;
        }
        Ok(())
    });
    one_row(updated.map_err(|error| write_failed(kinds, &error))?)
}

fn insert(db: &Connection, kinds: &Kinds, entity: &AnyEntity) -> Result<(), CommitError> {
    let kind = kinds.get(entity.kind())?;
    let record = kind.record()?;
    let mut insert = prepare(db, &kind.statements.insert)?;
    let inserted = execute(&mut insert, |to| record.encode(entity, to).map_err(sqlite_error));
    inserted.map(drop).map_err(|error| match violation(kinds, &error) {
        // A record that is there already may break a unique rule against itself; SQLite names whichever it met first.
        Some(Violation::Rule(_)) if exists(db, kind, &entity.record_key().key) => CommitError::Stale,
        Some(Violation::Rule(_) | Violation::Exists) | None => write_failed(kinds, &error),
    })
}

/// Stores a record as a new one, and then at its version.
fn restore(db: &Connection, kinds: &Kinds, row: &Versioned<AnyEntity>) -> Result<(), CommitError> {
    insert(db, kinds, &row.value)?;
    let Version { revision, touches } = row.version;
    let restore = &kinds.get(row.value.kind())?.statements.restore;
    let key = row.value.record_key().key;
    one_row(run(db, kinds, restore, (key_parameter(&key), number(revision), number(touches)))?)
}

fn store_response(db: &Connection, answer: &StoredResponse) -> Result<(), CommitError> {
    let failed = |error: rusqlite::Error| CommitError::Failed(not_written(&error));
    let mut insert = prepare(db, sql::INSERT_RESPONSE)?;
    if execute(&mut insert, |to| answer.encode(to).map_err(sqlite_error)).map_err(failed)? == 0 {
        return Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey));
    }
    prepare(db, sql::DELETE_EXPIRED_RESPONSES)?.execute([answer.at.millis()]).map(drop).map_err(failed)
}

/// Deletes the tasks of a session, and the events that are kept with it. Returns the number of tasks.
fn delete_parts_of_session(db: &Connection, kinds: &Kinds, session: &Key) -> Result<u64, CommitError> {
    run(db, kinds, sql::DELETE_EVENTS_OF, [key_parameter(session)])?;
    let tasks = run(db, kinds, sql::DELETE_TASKS_OF, [key_parameter(session)])?;
    Ok(u64::try_from(tasks).unwrap_or(u64::MAX))
}

fn exists(db: &Connection, kind: &Kind, key: &Key) -> bool {
    let found = db.prepare_cached(&kind.statements.exists).and_then(|mut exists| exists.exists([key_parameter(key)]));
    found.unwrap_or(false)
}

/// What an update demands of the row that is there.
struct Expected {
    version: Version,
    /// The latest `last_heartbeat` that it may show.
    heard_until: i64,
}

impl Expected {
    /// None: that there is no such row.
    fn of(expect: Expect) -> Option<Self> {
        match expect {
            Expect::Absent => None,
            Expect::At(version) => Some(Self { version, heard_until: i64::MAX }),
            Expect::NoHeartbeatSince { at, since } => Some(Self { version: at, heard_until: since.millis() }),
        }
    }
}

/// A count as SQLite has them; one that large matches no row.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(-1)
}

fn prepare<'c>(db: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, CommitError> {
    db.prepare_cached(sql).map_err(|error| not_written(&error).into())
}

fn execute(
    statement: &mut CachedStatement<'_>,
    bind: impl FnOnce(&mut RowEncoder<'_, '_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<usize> {
    bind(&mut RowEncoder::of(statement))?;
    statement.raw_execute()
}

fn run(db: &Connection, kinds: &Kinds, sql: &str, params: impl Params) -> Result<usize, CommitError> {
    prepare(db, sql)?.execute(params).map_err(|error| write_failed(kinds, &error))
}

/// The row was as it was expected; otherwise it was not there at all.
fn one_row(rows: usize) -> Result<(), CommitError> {
    if rows == 0 { Err(CommitError::Stale) } else { Ok(()) }
}
