//! The reads, each on one connection. A query of several parts runs in one transaction, so that all of them see the same
//! moment.

use rekindle_core::store::{
    AuditFilter, EventPosition, Found, Query, RecordedEvent, Row as FoundRow, Selection, StoreError,
};
use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row, params_from_iter};

use crate::codec;
use crate::error::not_written;
use crate::sql;
use crate::sql::kinds::Kinds;
use crate::sql::selection::Plan;

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

/// Fails when nothing can be read.
pub(crate) fn ping(db: &Connection) -> ReadResult<()> {
    db.prepare_cached(sql::PROBE).and_then(|mut probe| probe.exists([])).map(|_| ()).map_err(failed)
}

/// Answers a query.
pub(crate) fn find(db: &Connection, kinds: &Kinds, query: &Query) -> ReadResult<Found> {
    if query.selections().len() + query.counts().len() < 2 {
        return parts(db, kinds, query);
    }
    let snapshot = db.unchecked_transaction().map_err(failed)?;
    let found = parts(db, kinds, query);
    snapshot.finish().map_err(failed)?;
    found
}

fn parts(db: &Connection, kinds: &Kinds, query: &Query) -> ReadResult<Found> {
    let rows = query.selections().iter().map(|selection| select(db, kinds, selection)).collect::<Result<_, _>>()?;
    let counts = query.counts().iter().map(|counted| count(db, kinds, &counted.of)).collect::<Result<_, _>>()?;
    Ok(Found { rows, counts })
}

fn select(db: &Connection, kinds: &Kinds, selection: &Selection) -> ReadResult<Vec<FoundRow>> {
    if let Some(key) = &selection.key {
        let kind = kinds.get(selection.kind)?;
        return all(db, &kind.statements.by_key, [codec::key_parameter(key)], |row| kind.read(row));
    }
    let plan = Plan::of(kinds, selection)?;
    let limit = selection.limit.map_or(i64::MAX, i64::from);
    let projection = plan.projection()?;
    let (kind, table) = (plan.kind, plan.kind.declaration.name);
    let mut found = Vec::new();
    for statement in plan.statements(limit)? {
        let read = |row: &Row<'_>| match projection.as_slice() {
            [] => kind.read(row),
            columns => codec::projected(table, columns, row),
        };
        found.extend(all(db, &statement.sql, params_from_iter(statement.parameters), read)?);
        if i64::try_from(found.len()).unwrap_or(i64::MAX) >= limit {
            break;
        }
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

fn count(db: &Connection, kinds: &Kinds, selection: &Selection) -> ReadResult<u64> {
    let statement = Plan::of(kinds, selection)?.count()?;
    let number = |row: &Row<'_>| row.get::<_, i64>(0).map_err(failed);
    let number = all(db, &statement.sql, params_from_iter(statement.parameters), number)?.pop().unwrap_or(0);
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("a count is below zero: {}", statement.sql)))
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
