//! The order of events. A commit appends its events without a position, so that commits never queue behind a counter;
//! whoever reads gives positions to what is pending first. Positions are given in transactions that all write one counter,
//! so they become visible in order: a reader that goes on from the last one misses none. So that who reads for the first
//! time after a year need not wait for all of them, a process gives some beside its commits.

mod position_assigner;

pub use position_assigner::Backlog;

use bson::{Bson, Document, RawArrayBuf, RawDocumentBuf, cstr, doc, rawdoc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::options::ReturnDocument;
use rekindle_core::store::{AuditFilter, CommitError, EventPosition, RecordedEvent, StoreError};
use tokio::time::Instant;

use crate::commit::{Failure, Transaction, count};
use crate::database::Database;
use crate::documents;
use crate::reads::{ReadError, queries};

/// How many events one transaction gives positions to.
const AT_ONCE: u32 = 1000;

/// The number in a position of this store.
///
/// # Errors
/// Corrupt when it is none.
pub fn number(position: &EventPosition) -> Result<i64, StoreError> {
    let number = position.0.parse::<u64>().ok();
    let number = number.ok_or_else(|| StoreError::Corrupt("that is no position of this store".to_owned()))?;
    // Further than any that will ever be given.
    Ok(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The events after a position, at most `limit`.
pub async fn after(
    collections: Database,
    after: i64,
    limit: u32,
    deadline: Instant,
) -> Result<Vec<RecordedEvent>, ReadError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    // Each round's events come after all that had a position: as many as are asked for are enough.
    let mut given = 0;
    while given < u64::from(limit) && is_pending(&collections).await? {
        match give_positions(&collections, deadline).await? {
            0 => break,
            some => given += some,
        }
    }
    let found = collections
        .events
        .find(doc! { "position": { "$gt": after } })
        .sort(doc! { "position": 1 })
        .limit(i64::from(limit))
        .batch_size(limit.min(AT_ONCE))
        .max_time(collections.call_timeout)
        .await?;
    let mut rows = found;
    let mut events = Vec::new();
    while let Some(row) = rows.try_next().await? {
        events.push(documents::event::read(&row)?);
    }
    Ok(events)
}

/// The events that fit, the latest first.
pub async fn trail(
    collections: Database,
    filter: AuditFilter,
    before: Option<i64>,
    limit: u32,
    deadline: Instant,
) -> Result<Vec<RecordedEvent>, ReadError> {
    // What has no position yet comes after all that has one: of no concern to whoever goes on before a position.
    if before.is_none() && limit > 0 {
        while is_pending(&collections).await? && give_positions(&collections, deadline).await? > 0 {}
    }
    queries::trail(&filter, before, limit).all(&collections, documents::event::read).await
}

async fn is_pending(collections: &Database) -> Result<bool, ReadError> {
    let found = collections.events.find_one(doc! { "pending": true }).projection(doc! { "_id": 1 });
    Ok(found.max_time(collections.call_timeout).await?.is_some())
}

/// Gives positions to pending events, and says to how many; again while others do the same.
async fn give_positions(collections: &Database, deadline: Instant) -> Result<u64, StoreError> {
    let mut transaction = Transaction::open(collections, deadline).await?;
    loop {
        transaction.begin().await?;
        let failure = match attempt(collections, &mut transaction.session).await {
            // Committed also when there was nothing to do: only a commit waits until a majority has what was seen here.
            Ok(some) => match transaction.commit().await {
                Ok(()) => return Ok(some),
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        match transaction.resolve(failure).await {
            Ok(()) => {}
            Err(CommitError::Failed(StoreError::Unknown(why))) => return Err(StoreError::Unavailable(why)),
            Err(CommitError::Failed(error)) => return Err(error),
            Err(other) => return Err(StoreError::Unavailable(other.to_string())),
        }
    }
}

/// In the order of their marks: that of a process's commits, and of the events in one, on whichever node.
async fn attempt(collections: &Database, session: &mut ClientSession) -> Result<u64, Failure> {
    let found = collections
        .events
        .find(doc! { "pending": true })
        .sort(doc! { "_id": 1 })
        .hint(mongodb::options::Hint::Name("pending".to_owned()))
        .limit(i64::from(AT_ONCE))
        .batch_size(AT_ONCE)
        .projection(doc! { "_id": 1 })
        .session(&mut *session)
        .await;
    let mut rows = found?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next(&mut *session).await.transpose()? {
        let id = row.get("_id").ok().flatten().map(bson::RawBson::from);
        let nameless = || StoreError::Corrupt("an event without an _id".to_owned());
        ids.push(id.ok_or_else(|| Failure::Refused(nameless().into()))?);
    }
    let total = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if total == 0 {
        return Ok(0);
    }
    let mut position = take_numbers(collections, session, total).await?;
    let mut updates = RawArrayBuf::new();
    for id in ids {
        let update = rawdoc! { "$set": { "position": position }, "$unset": { "pending": "" } };
        let mut statement = RawDocumentBuf::new();
        statement.append(cstr!("q"), rawdoc! { "_id": id });
        statement.append(cstr!("u"), update);
        updates.push(statement);
        position += 1;
    }
    let command = rawdoc! { "update": "events", "ordered": true, "updates": updates };
    let reply = collections.db.run_raw_command(command).session(session).await?;
    let done = count(&reply);
    if done != u64::try_from(total).unwrap_or(0) || reply.contains_key("writeErrors") {
        let why = format!("positions were given to {done} of {total} events");
        return Err(Failure::Refused(StoreError::Corrupt(why).into()));
    }
    Ok(done)
}

/// The first of so many numbers that nobody else gets: whoever asks at the same time conflicts here.
async fn take_numbers(collections: &Database, session: &mut ClientSession, how_many: i64) -> Result<i64, Failure> {
    let next = doc! { "$add": [{ "$ifNull": ["$next", 1_i64] }, how_many] };
    let meta = collections.meta.clone_with_type::<Document>();
    let counted = meta
        .find_one_and_update(doc! { "_id": "events" }, vec![doc! { "$set": { "next": next } }])
        .upsert(true)
        .return_document(ReturnDocument::After)
        .session(session)
        .await?;
    match counted.as_ref().and_then(|counter| counter.get("next")) {
        Some(Bson::Int64(next)) => Ok(next - how_many),
        Some(_) | None => Err(Failure::Refused(StoreError::Corrupt("meta events: no number".to_owned()).into())),
    }
}
