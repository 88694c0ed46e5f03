//! The order of events. A commit appends its events without a position, so that commits never queue behind a counter; a
//! reader gives positions to the pending events first. Positions are given in transactions that all write one counter, so
//! they become visible in order: a reader that continues after the last one misses none. So that a rare reader need not
//! wait for the events of a year, each process also assigns positions beside its commits.

pub(crate) mod position_assigner;
mod positions;

use bson::{Document, doc};
use futures_util::TryStreamExt;
use rekindle_core::store::{AuditFilter, EventPosition, RecordedEvent, StoreError};
use tokio::time::Instant;

use self::positions::{EVENTS_PER_TRANSACTION, assign_positions, is_pending};
use crate::database::Database;
use crate::documents::{self, date};
use crate::error::ReadResult;
use crate::indexes::name;
use crate::query::Query;

/// Returns the number in a position.
///
/// # Errors
/// `Corrupt` when it holds none.
pub(crate) fn position_number(position: &EventPosition) -> Result<i64, StoreError> {
    let number = position.0.parse::<u64>().ok();
    let number = number.ok_or_else(|| StoreError::Corrupt("that is no position of this store".to_owned()))?;
    // A larger number is after every position there will be.
    Ok(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Returns the events after a position, at most `limit`.
pub(crate) async fn after(
    database: Database,
    after: i64,
    limit: u32,
    deadline: Instant,
) -> ReadResult<Vec<RecordedEvent>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    // New positions come after all existing ones: `limit` of them are enough.
    let mut assigned = 0;
    while assigned < u64::from(limit) && is_pending(&database).await? {
        match assign_positions(&database, deadline).await? {
            0 => break,
            some => assigned += some,
        }
    }
    let mut rows = database
        .events
        .find(doc! { "position": { "$gt": after } })
        .sort(doc! { "position": 1 })
        .limit(i64::from(limit))
        .batch_size(limit.min(EVENTS_PER_TRANSACTION))
        .max_time(database.call_timeout)
        .await?;
    let mut events = Vec::new();
    while let Some(row) = rows.try_next().await? {
        events.push(documents::event::read(&row)?);
    }
    Ok(events)
}

/// Returns the events that match a filter, the latest first.
pub(crate) async fn audit_log(
    database: Database,
    filter: AuditFilter,
    before: Option<i64>,
    limit: u32,
    deadline: Instant,
) -> ReadResult<Vec<RecordedEvent>> {
    // Pending events come after every position: a reader that continues before one does not need them.
    if before.is_none() && limit > 0 {
        while is_pending(&database).await? && assign_positions(&database, deadline).await? > 0 {}
    }
    audit_query(&filter, before, limit).all(&database, documents::event::read).await
}

/// Finds the events that match and have a position, the latest first. Of several conditions the most selective one
/// chooses the index; the kind and the time are checked row by row.
pub(crate) fn audit_query(filter: &AuditFilter, before: Option<i64>, limit: u32) -> Query {
    // The condition on the position stays even where no limit is given: only events with a position are in these
    // indexes.
    let mut wanted = doc! { "position": before.map_or(doc! { "$gt": 0_i64 }, |before| doc! { "$lt": before }) };
    let mut hint = name::EVENTS;
    if let Some(key) = filter.key {
        wanted.insert("by_key", key.to_string());
        hint = name::EVENTS_BY_KEY;
    }
    if let Some(machine) = &filter.machine {
        wanted.insert("machine_id", machine.as_str());
        hint = name::EVENTS_OF_MACHINE;
    }
    if let Some(session) = filter.session {
        wanted.insert("session_id", session.to_string());
        hint = name::EVENTS_OF_SESSION;
    }
    if let Some(kind) = filter.kind {
        wanted.insert("kind", kind.as_str());
    }
    let mut at = Document::new();
    at.extend(filter.since.map(|since| ("$gte".to_owned(), date(since).into())));
    at.extend(filter.until.map(|until| ("$lt".to_owned(), date(until).into())));
    if !at.is_empty() {
        wanted.insert("at", at);
    }
    Query::of("events", wanted, hint).sorted(doc! { "position": -1 }).limited(limit)
}
