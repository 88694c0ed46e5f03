//! The reads, each on one connection. Those of several statements run in one transaction, so that all of them see the
//! same moment.

use std::collections::BTreeSet;

use rekindle_core::domain::api_key::ApiKey;
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::{Session, SessionStatus};
use rekindle_core::domain::task::{Task, TaskStatus};
use rekindle_core::store::{
    AuditFilter, Cursor, DetectorState, EventPosition, Expired, ExpiredCounts, IdempotencyKey, LiveSession, Page,
    PageRequest, RecordedEvent, SessionCounts, StalledSessions, Start, StoreError, StoredResponse, Versioned,
};
use rekindle_core::values::{MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};
use rekindle_records::Record;
use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, Params, Row, params_from_iter};
use uuid::Uuid;

use crate::codec::{self, Sequenced, record};
use crate::error::not_written;
use crate::sql;
use crate::sql::lists::{List, Part};

/// The result of a read.
pub(crate) type ReadResult<T> = Result<T, StoreError>;

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn failed(error: rusqlite::Error) -> StoreError {
    not_written(&error)
}

fn all<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> ReadResult<T>,
) -> ReadResult<Vec<T>> {
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn one<T>(
    db: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> ReadResult<T>,
) -> ReadResult<Option<T>> {
    Ok(all(db, sql, params, read)?.pop())
}

fn first<T: FromSql>(row: &Row<'_>) -> ReadResult<T> {
    row.get(0).map_err(failed)
}

fn id(row: &Row<'_>) -> ReadResult<SessionId> {
    first(row).map(|bytes| SessionId(Uuid::from_bytes(bytes)))
}

fn count(db: &Connection, sql: &str, params: impl Params) -> ReadResult<u64> {
    let number: Option<i64> = one(db, sql, params, first)?;
    u64::try_from(number.unwrap_or(0)).map_err(|_| StoreError::Corrupt(format!("a count is below zero: {sql}")))
}

/// Runs several statements on one snapshot.
fn in_snapshot<T>(db: &Connection, reads: impl FnOnce() -> ReadResult<T>) -> ReadResult<T> {
    let snapshot = db.unchecked_transaction().map_err(failed)?;
    let result = reads();
    snapshot.finish().map_err(failed)?;
    result
}

fn entities<T>(marked: Vec<Sequenced<T>>) -> Vec<Versioned<T>> {
    marked.into_iter().map(|row| row.entity).collect()
}

/// Fails when nothing can be read.
pub(crate) fn ping(db: &Connection) -> ReadResult<()> {
    db.prepare_cached(sql::COUNTS).and_then(|mut look| look.exists([])).map(|_| ()).map_err(|error| not_written(&error))
}

fn by_key<R: Record>(db: &Connection, key: impl Params) -> ReadResult<Option<Versioned<R>>> {
    Ok(one(db, &sql::of::<R>().by_key, key, record)?.map(|row| row.entity))
}

pub(crate) fn session(db: &Connection, id: SessionId) -> ReadResult<Option<Versioned<Session>>> {
    by_key(db, [id.0.as_bytes()])
}

pub(crate) fn task(db: &Connection, id: TaskId) -> ReadResult<Option<Versioned<Task>>> {
    by_key(db, [id.0.as_bytes()])
}

pub(crate) fn machine(db: &Connection, id: &MachineId) -> ReadResult<Option<Versioned<Machine>>> {
    by_key(db, [id.as_str()])
}

pub(crate) fn tasks_of(
    db: &Connection,
    session: SessionId,
    statuses: &[TaskStatus],
) -> ReadResult<Vec<Versioned<Task>>> {
    let [a, b, c, d, e] = TaskStatus::ALL.map(|status| statuses.contains(&status).then_some(status.as_str()));
    all(db, &sql::TASKS_OF, (session.0.as_bytes(), a, b, c, d, e), record).map(entities)
}

pub(crate) fn active_session(
    db: &Connection,
    project: &ProjectId,
    machine: &MachineId,
) -> ReadResult<Option<SessionId>> {
    one(db, sql::ACTIVE_SESSION, [project.as_str(), machine.as_str()], id)
}

pub(crate) fn slot_holder(db: &Connection, machine: &MachineId, slot: Slot) -> ReadResult<Option<SessionId>> {
    one(db, sql::SLOT_HOLDER, (machine.as_str(), slot.0), id)
}

pub(crate) fn live_sessions(db: &Connection, machines: &BTreeSet<MachineId>) -> ReadResult<Vec<LiveSession>> {
    in_snapshot(db, || {
        let mut live = Vec::new();
        for machine in machines {
            live.extend(all(db, sql::LIVE_SESSIONS, [machine.as_str()], |row| codec::live_session(row, machine))?);
        }
        Ok(live)
    })
}

/// Reads a page of a list, which is ordered by `created_at`.
pub(crate) fn page<R: Record>(
    db: &Connection,
    list: &List,
    page: PageRequest,
    created_at: fn(&R) -> Timestamp,
) -> ReadResult<Page<R>> {
    in_snapshot(db, || {
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        // One row more than the limit says whether there is a next page.
        let mut rows = newest(db, list, page.start, i64::from(page.limit) + 1)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|row| Cursor { created_at: created_at(&row.entity.value), mark: u128::from(row.seq.cast_unsigned()) });
        let (sql, values) = list.total();
        let total = count(db, &sql, params_from_iter(values))?;
        Ok(Page { items: entities(rows), total, next })
    })
}

fn newest<R: Record>(db: &Connection, list: &List, start: Start, limit: i64) -> ReadResult<Vec<Sequenced<R>>> {
    let part = |part: Part, more: &[i64]| {
        let values = list.values.iter().cloned().chain(more.iter().copied().map(Value::Integer));
        all(db, &list.part(part), params_from_iter(values), record)
    };
    match start {
        Start::Offset(offset) => part(Part::Newest, &[limit, i64::try_from(offset).unwrap_or(i64::MAX)]),
        Start::After(Cursor { created_at, mark }) => {
            let at = created_at.millis();
            let mut rows = part(Part::SameInstant, &[at, i64::try_from(mark).unwrap_or(i64::MAX), limit])?;
            let missing = limit - i64::try_from(rows.len()).unwrap_or(limit);
            if missing > 0 {
                rows.extend(part(Part::Earlier, &[at, missing])?);
            }
            Ok(rows)
        }
    }
}

pub(crate) fn counts(db: &Connection) -> ReadResult<SessionCounts> {
    let mut counts = SessionCounts::default();
    let rows: Vec<(String, i64)> = all(db, sql::COUNTS, [], |row| Ok((first(row)?, row.get(1).map_err(failed)?)))?;
    for (status, n) in rows {
        let nonsense = |what: String| StoreError::Corrupt(format!("row {status} of table session_counts: {what}"));
        let member: SessionStatus = status.parse().map_err(|fault| nonsense(format!("status {fault}")))?;
        *counts.of(member) = u64::try_from(n).map_err(|_| nonsense(format!("n cannot be {n}")))?;
    }
    Ok(counts)
}

pub(crate) fn stalled_sessions(db: &Connection, heard_before: Timestamp, limit: u32) -> ReadResult<StalledSessions> {
    in_snapshot(db, || {
        let before = heard_before.millis();
        let mut silent = all(db, &sql::STALLED, [limit], record::<Session>)?;
        silent.extend(all(db, &sql::OVERDUE, (before, limit), record)?);
        silent.sort_by_key(|row| (row.entity.value.last_heartbeat, row.seq));
        silent.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let total = count(db, sql::STALLED_COUNT, [])? + count(db, sql::OVERDUE_COUNT, [before])?;
        Ok(StalledSessions { items: entities(silent), total })
    })
}

pub(crate) fn overdue_sessions(
    db: &Connection,
    heard_before: Timestamp,
    limit: u32,
) -> ReadResult<Vec<Versioned<Session>>> {
    all(db, &sql::OVERDUE, (heard_before.millis(), limit), record).map(entities)
}

pub(crate) fn overdue_machines(
    db: &Connection,
    heard_before: Timestamp,
    limit: u32,
) -> ReadResult<Vec<Versioned<Machine>>> {
    all(db, &sql::OVERDUE_MACHINES, (heard_before.millis(), limit), record).map(entities)
}

pub(crate) fn earliest_heartbeat(db: &Connection) -> ReadResult<Option<Timestamp>> {
    in_snapshot(db, || {
        let session: Option<i64> = one(db, sql::EARLIEST_SESSION, [], first)?;
        let machine: Option<i64> = one(db, sql::EARLIEST_MACHINE, [], first)?;
        Ok(session.into_iter().chain(machine).min().map(Timestamp::from_millis))
    })
}

pub(crate) fn detector_state(db: &Connection) -> ReadResult<Option<DetectorState>> {
    let time = |row: &Row<'_>, column: usize| row.get(column).map(Timestamp::from_millis).map_err(failed);
    one(db, sql::DETECTOR_STATE, [], |row| {
        Ok(DetectorState { last_pass_at: time(row, 0)?, next_pass_due: time(row, 1)?, grace_until: time(row, 2)? })
    })
}

pub(crate) fn expired(db: &Connection, ended_by: Timestamp, limit: u32) -> ReadResult<Vec<Expired>> {
    all(db, sql::EXPIRED, (ended_by.millis(), limit), codec::expired)
}

pub(crate) fn expired_counts(db: &Connection, ended_by: Timestamp) -> ReadResult<ExpiredCounts> {
    in_snapshot(db, || {
        let by = ended_by.millis();
        Ok(ExpiredCounts {
            sessions: count(db, sql::EXPIRED_COUNT, [by])?,
            tasks: count(db, sql::EXPIRED_TASKS, [by])?,
        })
    })
}

pub(crate) fn events(db: &Connection, after: Option<&EventPosition>, limit: u32) -> ReadResult<Vec<RecordedEvent>> {
    all(db, &sql::EVENTS, (after.map_or(Ok(0), number)?, limit), codec::event)
}

pub(crate) fn audit_log(
    db: &Connection,
    filter: &AuditFilter,
    before: Option<&EventPosition>,
    limit: u32,
) -> ReadResult<Vec<RecordedEvent>> {
    let (sql, mut values) = sql::audit::audit_log(filter);
    values.push(Value::Integer(before.map_or(Ok(i64::MAX), number)?));
    values.push(Value::Integer(limit.into()));
    all(db, &sql, params_from_iter(values), codec::event)
}

fn number(position: &EventPosition) -> ReadResult<i64> {
    position.0.parse().map_err(|_| StoreError::Corrupt("that is no event position of this store".to_owned()))
}

pub(crate) fn keys(db: &Connection) -> ReadResult<Vec<Versioned<ApiKey>>> {
    all(db, &sql::KEYS, [], record).map(entities)
}

pub(crate) fn stored_response(
    db: &Connection,
    key: &IdempotencyKey,
    now: Timestamp,
) -> ReadResult<Option<StoredResponse>> {
    one(db, &sql::STORED_RESPONSE, (key.0, now.millis()), codec::stored_response)
}
