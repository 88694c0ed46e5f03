//! Gives pending events their positions.

use bson::{Bson, Document, RawArrayBuf, RawBson, RawDocumentBuf, cstr, doc, rawdoc};
use mongodb::ClientSession;
use mongodb::options::{Hint, ReturnDocument};
use rekindle_core::store::{CommitError, StoreError};
use tokio::time::Instant;

use crate::commit::error::TransactionError;
use crate::commit::transaction::Transaction;
use crate::database::Database;
use crate::error::ReadResult;
use crate::reply::row_count;

/// The number of events that one transaction gives positions to.
pub(super) const EVENTS_PER_TRANSACTION: u32 = 1000;

/// Returns whether any event has no position yet.
pub(super) async fn is_pending(database: &Database) -> ReadResult<bool> {
    let found = database.events.find_one(doc! { "pending": true }).projection(doc! { "_id": 1 });
    Ok(found.max_time(database.call_timeout).await?.is_some())
}

/// Gives positions to pending events, and returns to how many. Retries while others do the same.
pub(super) async fn assign_positions(database: &Database, deadline: Instant) -> Result<u64, StoreError> {
    let mut transaction = Transaction::open(database, deadline).await?;
    loop {
        transaction.begin().await?;
        let error = match attempt(database, &mut transaction.session).await {
            // Committed even if it found nothing: only a commit waits until a majority has what was read here.
            Ok(assigned) => match transaction.commit().await {
                Ok(()) => return Ok(assigned),
                Err(error) => error,
            },
            Err(error) => error,
        };
        match transaction.resolve(error).await {
            Ok(()) => {}
            Err(CommitError::Failed(StoreError::Unknown(why))) => return Err(StoreError::Unavailable(why)),
            Err(CommitError::Failed(error)) => return Err(error),
            Err(other) => return Err(StoreError::Unavailable(other.to_string())),
        }
    }
}

/// Follows the order of the ids: that of a process's commits, and of the events in one commit.
async fn attempt(database: &Database, session: &mut ClientSession) -> Result<u64, TransactionError> {
    let found = database
        .events
        .find(doc! { "pending": true })
        .sort(doc! { "_id": 1 })
        .hint(Hint::Name("pending".to_owned()))
        .limit(i64::from(EVENTS_PER_TRANSACTION))
        .batch_size(EVENTS_PER_TRANSACTION)
        .projection(doc! { "_id": 1 })
        .session(&mut *session)
        .await;
    let mut rows = found?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next(&mut *session).await.transpose()? {
        let id = row.get("_id").ok().flatten().map(RawBson::from);
        ids.push(id.ok_or_else(|| corrupt("an event without an _id".to_owned()))?);
    }
    let total = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    if total == 0 {
        return Ok(0);
    }
    let mut position = reserve_positions(database, session, total).await?;
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
    let reply = database.db.run_raw_command(command).session(session).await?;
    let updated = row_count(&reply);
    if updated != u64::try_from(total).unwrap_or(0) || reply.contains_key("writeErrors") {
        return Err(corrupt(format!("positions were given to {updated} of {total} events")));
    }
    Ok(updated)
}

/// Returns the first of `count` new positions. Transactions that reserve at the same time conflict here.
async fn reserve_positions(
    database: &Database,
    session: &mut ClientSession,
    count: i64,
) -> Result<i64, TransactionError> {
    let next = doc! { "$add": [{ "$ifNull": ["$next", 1_i64] }, count] };
    let meta = database.meta.clone_with_type::<Document>();
    let counter = meta
        .find_one_and_update(doc! { "_id": "events" }, vec![doc! { "$set": { "next": next } }])
        .upsert(true)
        .return_document(ReturnDocument::After)
        .session(session)
        .await?;
    match counter.as_ref().and_then(|counter| counter.get("next")) {
        Some(Bson::Int64(next)) => Ok(next - count),
        Some(_) | None => Err(corrupt("meta events: no number".to_owned())),
    }
}

fn corrupt(why: String) -> TransactionError {
    TransactionError::Rejected(StoreError::Corrupt(why).into())
}
