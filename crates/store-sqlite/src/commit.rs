//! Applies one [`Changes`] within the writer's transaction. The caller gives it a savepoint and undoes it on an error.

use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::Task;
use rekindle_core::store::{
    Changes, CommitError, Committed, DetectorStateUpdate, EVENT_PURGE_BATCH, Expect, Put, StoredEntity, StoredResponse,
    UniqueRule, Version, Versioned, Write,
};
use rekindle_core::values::SessionId;
use rekindle_records::Record;
use rusqlite::{CachedStatement, Connection, Params, ToSql};

use crate::codec::{RowEncoder, key_parameter};
use crate::error::{Violation, not_written, violation, write_failed};
use crate::lease;
use crate::sql;

/// Applies all of the changes, or fails half-way.
pub(crate) fn apply(db: &Connection, changes: &Changes) -> Result<Committed, CommitError> {
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
            Write::PutSession(session) => put(db, session)?,
            Write::PutTask(task) => put(db, task)?,
            Write::PutMachine(machine) => put(db, machine)?,
            Write::PutKey(key) => put(db, key)?,
            Write::Restore(entity) => match &**entity {
                StoredEntity::Session(session) => restore(db, session)?,
                StoredEntity::Task(task) => restore(db, task)?,
                StoredEntity::Machine(machine) => restore(db, machine)?,
                StoredEntity::Key(key) => restore(db, key)?,
            },
            Write::TouchSession(id, revision) => touch::<Session>(db, id.0.as_bytes(), *revision)?,
            Write::TouchMachine(id, revision) => touch::<Machine>(db, id.as_str(), *revision)?,
            Write::DeleteSession(id, at) => done.deleted_tasks += delete_session(db, *id, *at)?,
            Write::DeleteTask(id, at) => delete::<Task>(db, id.0.as_bytes(), *at)?,
            Write::DeleteMachine(id, at) => delete::<Machine>(db, id.as_str(), *at)?,
        }
    }
    for event in &changes.events {
        insert(db, event)?;
    }
    if let Some(watch) = &changes.detector_state {
        put_detector_state(db, watch)?;
    }
    if let Some(before) = changes.purge_events_before {
        let purged = run(db, sql::PURGE_EVENTS, (before.millis(), number(EVENT_PURGE_BATCH)))?;
        done.purged_events = u64::try_from(purged).unwrap_or(u64::MAX);
    }
    Ok(done)
}

fn put_detector_state(db: &Connection, watch: &DetectorStateUpdate) -> Result<(), CommitError> {
    let (now, due_by, from) =
        (watch.value.last_pass_at.millis(), watch.value.next_pass_due.millis(), watch.value.grace_until.millis());
    one_row(match watch.seen {
        None => run(db, sql::INSERT_DETECTOR_STATE, (now, due_by, from))?,
        Some(seen) => {
            let seen = (seen.last_pass_at.millis(), seen.next_pass_due.millis(), seen.grace_until.millis());
            run(db, sql::UPDATE_DETECTOR_STATE, (now, due_by, from, seen.0, seen.1, seen.2))?
        }
    })
}

fn put<R: Record>(db: &Connection, put: &Put<R>) -> Result<(), CommitError> {
    let Some(expected) = Expected::of(put.expect) else { return insert(db, &put.value) };
    let statements = sql::of::<R>();
    let mut update = prepare(db, &statements.update)?;
    one_row(executed(execute(&mut update, |to| {
        put.value.encode(to)?;
        to.bind(number(expected.version.revision))?;
        to.bind(number(expected.version.touches))?;
        if statements.has_heartbeats {
            to.bind(expected.heard_until)?;
        }
        Ok(())
    }))?)
}

fn insert<R: Record>(db: &Connection, record: &R) -> Result<(), CommitError> {
    let mut insert = prepare(db, &sql::of::<R>().insert)?;
    execute(&mut insert, |to| record.encode(to)).map(drop).map_err(|error| match violation(&error) {
        // A record that is there already may break a unique rule against itself; SQLite names whichever it met first.
        Some(Violation::Rule(_)) if exists(db, record) => CommitError::Stale,
        Some(Violation::Rule(_) | Violation::Exists) | None => write_failed(&error),
    })
}

/// Stores a record as a new one, and then at its version.
fn restore<R: Record>(db: &Connection, record: &Versioned<R>) -> Result<(), CommitError> {
    insert(db, &record.value)?;
    let Version { revision, touches } = record.version;
    let key = record.value.key().ok_or(CommitError::Stale)?;
    one_row(run(db, &sql::of::<R>().restore, (key_parameter(&key), number(revision), number(touches)))?)
}

fn touch<R: Record>(db: &Connection, key: impl ToSql, revision: u64) -> Result<(), CommitError> {
    one_row(run(db, &sql::of::<R>().touch, (key, number(revision)))?)
}

fn delete<R: Record>(db: &Connection, key: impl ToSql, at: Version) -> Result<(), CommitError> {
    one_row(run(db, &sql::of::<R>().delete, (key, number(at.revision), number(at.touches)))?)
}

fn store_response(db: &Connection, answer: &StoredResponse) -> Result<(), CommitError> {
    let mut insert = prepare(db, sql::INSERT_RESPONSE)?;
    if executed(execute(&mut insert, |to| answer.encode(to)))? == 0 {
        return Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey));
    }
    run(db, sql::DELETE_EXPIRED_RESPONSES, [answer.at.millis()]).map(|_| ())
}

fn delete_session(db: &Connection, id: SessionId, at: Version) -> Result<u64, CommitError> {
    let id = id.0.as_bytes();
    delete::<Session>(db, id, at)?;
    run(db, sql::DELETE_EVENTS_OF, [id])?;
    let tasks = run(db, sql::DELETE_TASKS_OF, [id])?;
    Ok(u64::try_from(tasks).unwrap_or(u64::MAX))
}

fn exists<R: Record>(db: &Connection, record: &R) -> bool {
    record.key().is_some_and(|key| {
        let found = db.prepare_cached(&sql::of::<R>().exists).and_then(|mut look| look.exists([key_parameter(&key)]));
        found.unwrap_or(false)
    })
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

fn executed(rows: rusqlite::Result<usize>) -> Result<usize, CommitError> {
    rows.map_err(|error| write_failed(&error))
}

fn run(db: &Connection, sql: &str, params: impl Params) -> Result<usize, CommitError> {
    executed(prepare(db, sql)?.execute(params))
}

/// The row was as it was expected; otherwise it was not there at all.
fn one_row(rows: usize) -> Result<(), CommitError> {
    if rows == 0 { Err(CommitError::Stale) } else { Ok(()) }
}
