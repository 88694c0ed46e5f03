//! Applies one [`Changes`] within the writer's transaction. The caller gives it a savepoint and undoes it on an error.

use rekindle_core::domain::api_key::ApiKey;
use rekindle_core::domain::event::Event;
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::Task;
use rekindle_core::store::{
    Changes, CommitError, Committed, DetectorStateUpdate, EVENT_PURGE_BATCH, Expect, Put, StoredEntity, StoredResponse,
    UniqueRule, Version, Write,
};
use rekindle_core::values::SessionId;
use rusqlite::{CachedStatement, Connection, Params};

use crate::error::{Violation, not_written, violation, write_failed};
use crate::lease;
use crate::params::{self, Binder, json};
use crate::sql;

/// Applies all of it, or fails half-way.
pub fn apply(db: &Connection, changes: &Changes) -> Result<Committed, CommitError> {
    if let Some(fence) = changes.fence
        && !lease::is_current(db, fence)?
    {
        return Err(CommitError::Fenced);
    }
    if let Some(answer) = &changes.stored_response {
        remember(db, answer)?;
    }
    let mut done = Committed::default();
    for write in &changes.writes {
        match write {
            Write::PutSession(put) => put_session(db, put)?,
            Write::PutTask(put) => put_task(db, put)?,
            Write::PutMachine(put) => put_machine(db, put)?,
            Write::PutKey(put) => put_key(db, put)?,
            Write::Restore(row) => restore(db, row)?,
            Write::TouchSession(id, revision) => {
                one_row(run(db, sql::TOUCH_SESSION, (id.0.as_bytes(), number(*revision)))?)?;
            }
            Write::TouchMachine(id, revision) => {
                one_row(run(db, sql::TOUCH_MACHINE, (id.as_str(), number(*revision)))?)?;
            }
            Write::DeleteSession(id, at) => done.deleted_tasks += delete_session(db, *id, *at)?,
            Write::DeleteTask(id, at) => {
                one_row(run(db, sql::DELETE_TASK, (id.0.as_bytes(), number(at.revision), number(at.touches)))?)?;
            }
            Write::DeleteMachine(id, at) => {
                one_row(run(db, sql::DELETE_MACHINE, (id.as_str(), number(at.revision), number(at.touches)))?)?;
            }
        }
    }
    for event in &changes.events {
        append(db, event)?;
    }
    if let Some(watch) = &changes.detector_state {
        note(db, watch)?;
    }
    if let Some(before) = changes.purge_events_before {
        let forgotten = run(db, sql::FORGET_EVENTS, (before.millis(), number(EVENT_PURGE_BATCH)))?;
        done.purged_events = u64::try_from(forgotten).unwrap_or(u64::MAX);
    }
    Ok(done)
}

fn note(db: &Connection, watch: &DetectorStateUpdate) -> Result<(), CommitError> {
    let (now, due_by, from) =
        (watch.value.last_pass_at.millis(), watch.value.next_pass_due.millis(), watch.value.grace_until.millis());
    one_row(match watch.seen {
        None => run(db, sql::FIRST_WATCH, (now, due_by, from))?,
        Some(seen) => {
            let seen = (seen.last_pass_at.millis(), seen.next_pass_due.millis(), seen.grace_until.millis());
            run(db, sql::NEXT_WATCH, (now, due_by, from, seen.0, seen.1, seen.2))?
        }
    })
}

fn put_session(db: &Connection, put: &Put<Session>) -> Result<(), CommitError> {
    let metadata = json(put.value.metadata.as_map())?;
    let Some(expected) = Expected::of(put.expect) else {
        let mut insert = prepare(db, sql::INSERT_SESSION)?;
        return execute(&mut insert, |to| params::session(to, &put.value, &metadata)).map(|_| ()).map_err(|error| {
            // A session that is there already may break a set rule against itself; SQLite names whichever it met first.
            match violation(&error) {
                Some(Violation::Rule(_)) if exists(db, put.value.id) => CommitError::Stale,
                Some(Violation::Rule(_) | Violation::Exists) | None => write_failed(&error),
            }
        });
    };
    let mut update = prepare(db, sql::UPDATE_SESSION)?;
    one_row(executed(execute(&mut update, |to| {
        params::session(to, &put.value, &metadata)?;
        expected.bind(to)?;
        to.bind(expected.heard_until)
    }))?)
}

fn put_task(db: &Connection, put: &Put<Task>) -> Result<(), CommitError> {
    let metadata = json(put.value.metadata.as_map())?;
    let Some(expected) = Expected::of(put.expect) else {
        let mut insert = prepare(db, sql::INSERT_TASK)?;
        return one_row(executed(execute(&mut insert, |to| params::task(to, &put.value, &metadata)))?);
    };
    let mut update = prepare(db, sql::UPDATE_TASK)?;
    one_row(executed(execute(&mut update, |to| {
        params::task(to, &put.value, &metadata)?;
        expected.bind(to)
    }))?)
}

fn put_machine(db: &Connection, put: &Put<Machine>) -> Result<(), CommitError> {
    let metadata = json(put.value.metadata.as_map())?;
    let Some(expected) = Expected::of(put.expect) else {
        let mut insert = prepare(db, sql::INSERT_MACHINE)?;
        return one_row(executed(execute(&mut insert, |to| params::machine(to, &put.value, &metadata)))?);
    };
    let mut update = prepare(db, sql::UPDATE_MACHINE)?;
    one_row(executed(execute(&mut update, |to| {
        params::machine(to, &put.value, &metadata)?;
        expected.bind(to)?;
        to.bind(expected.heard_until)
    }))?)
}

fn put_key(db: &Connection, put: &Put<ApiKey>) -> Result<(), CommitError> {
    let Some(expected) = Expected::of(put.expect) else {
        let mut insert = prepare(db, sql::INSERT_KEY)?;
        return one_row(executed(execute(&mut insert, |to| params::key(to, &put.value)))?);
    };
    let mut update = prepare(db, sql::UPDATE_KEY)?;
    one_row(executed(execute(&mut update, |to| {
        params::key(to, &put.value)?;
        expected.bind(to)
    }))?)
}

/// Stores a row as a new one, and then at its version.
fn restore(db: &Connection, row: &StoredEntity) -> Result<(), CommitError> {
    let at = |version: Version| (number(version.revision), number(version.touches));
    one_row(match row {
        StoredEntity::Session(row) => {
            put_session(db, &Put { value: row.value.clone(), expect: Expect::Absent })?;
            let (revision, touches) = at(row.version);
            run(db, sql::RESTORE_SESSION, (row.value.id.0.as_bytes(), revision, touches))?
        }
        StoredEntity::Task(row) => {
            put_task(db, &Put { value: row.value.clone(), expect: Expect::Absent })?;
            let (revision, touches) = at(row.version);
            run(db, sql::RESTORE_TASK, (row.value.id.0.as_bytes(), revision, touches))?
        }
        StoredEntity::Machine(row) => {
            put_machine(db, &Put { value: row.value.clone(), expect: Expect::Absent })?;
            let (revision, touches) = at(row.version);
            run(db, sql::RESTORE_MACHINE, (row.value.id.as_str(), revision, touches))?
        }
        StoredEntity::Key(row) => {
            put_key(db, &Put { value: row.value.clone(), expect: Expect::Absent })?;
            let (revision, touches) = at(row.version);
            run(db, sql::RESTORE_KEY, (row.value.id.0.as_bytes(), revision, touches))?
        }
    })
}

fn remember(db: &Connection, answer: &StoredResponse) -> Result<(), CommitError> {
    let mut insert = prepare(db, sql::INSERT_RESPONSE)?;
    if executed(execute(&mut insert, |to| params::remembered(to, answer)))? == 0 {
        return Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey));
    }
    run(db, sql::DELETE_EXPIRED_RESPONSES, [answer.at.millis()]).map(|_| ())
}

fn delete_session(db: &Connection, id: SessionId, at: Version) -> Result<u64, CommitError> {
    let id = id.0.as_bytes();
    one_row(run(db, sql::DELETE_SESSION, (id, number(at.revision), number(at.touches)))?)?;
    run(db, sql::DELETE_EVENTS_OF, [id])?;
    let tasks = run(db, sql::DELETE_TASKS_OF, [id])?;
    Ok(u64::try_from(tasks).unwrap_or(u64::MAX))
}

fn append(db: &Connection, event: &Event) -> Result<(), CommitError> {
    let detail = json(&event.detail)?;
    let mut insert = prepare(db, sql::INSERT_EVENT)?;
    executed(execute(&mut insert, |to| params::event(to, event, &detail))).map(|_| ())
}

fn exists(db: &Connection, id: SessionId) -> bool {
    db.prepare_cached(sql::SESSION_EXISTS).and_then(|mut look| look.exists([id.0.as_bytes()])).unwrap_or(false)
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

    fn bind(&self, to: &mut Binder<'_, '_>) -> rusqlite::Result<()> {
        to.bind(number(self.version.revision))?;
        to.bind(number(self.version.touches))
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
    bind: impl FnOnce(&mut Binder<'_, '_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<usize> {
    bind(&mut Binder::of(statement))?;
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
