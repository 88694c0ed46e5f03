//! Runs the steps of a plan within a transaction, and interprets the server's replies.

use std::future::Future;

use bson::{Document, RawArrayBuf, RawDocument, RawDocumentBuf, cstr, doc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::error::Error;
use mongodb::options::Hint;
use rekindle_core::store::{CommitError, Committed, EVENT_PURGE_BATCH, StoreError};
use rekindle_core::values::{SessionId, Timestamp};
use rekindle_records::DecodeFields;
use rekindle_records::fields::session;

use super::error::TransactionError;
use super::plan::batch::{Batch, Expectation, StatementKind};
use super::plan::{Plan, Step};
use crate::database::Database;
use crate::documents::date;
use crate::documents::fields::decode;
use crate::error;
use crate::indexes::name;
use crate::kinds::Kinds;
use crate::reply::row_count;

/// Runs the steps of a plan in order, up to the first that fails.
pub(super) async fn steps(
    database: &Database,
    session: &mut ClientSession,
    plan: &Plan,
) -> Result<Committed, TransactionError> {
    let mut committed = Committed::default();
    for step in &plan.steps {
        match step {
            Step::Run(batch) => {
                let count = run(database, session, batch).await?;
                if batch.expectation == Expectation::Tasks {
                    committed.deleted_tasks += count;
                }
            }
            Step::StampTasks(sessions) => until_failover(database, stamp_tasks(database, session, sessions)).await?,
            Step::PurgeEvents(before) => {
                committed.purged_events += until_failover(database, purge_events(database, session, *before)).await?;
            }
        }
    }
    Ok(committed)
}

async fn until_failover<T, E: From<Error>>(
    database: &Database,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let result = database.primary_monitor.run_until_failover(database.call_timeout, work).await;
    result.unwrap_or_else(|| Err(error::primary_lost().into()))
}

async fn run(database: &Database, session: &mut ClientSession, batch: &Batch) -> Result<u64, TransactionError> {
    let reply = database.db.run_raw_command(command(batch)).session(session).into_future();
    let reply = until_failover(database, reply).await?;
    let count = row_count(&reply);
    if let Some((index, error)) = first_error(&database.kinds, &reply) {
        // An earlier statement of the batch that found no row failed first.
        let is_stale = batch.expectation == Expectation::Each && count < index;
        let error = if is_stale { CommitError::Stale } else { error };
        return Err(TransactionError::Rejected(batch.expectation.interpret(error)));
    }
    match batch.expectation {
        Expectation::Each if count != batch.statements.len() as u64 => {
            Err(TransactionError::Rejected(CommitError::Stale))
        }
        Expectation::Fence if count != 1 => Err(TransactionError::Rejected(CommitError::Fenced)),
        Expectation::Each
        | Expectation::Fence
        | Expectation::StoredResponse
        | Expectation::Any
        | Expectation::Tasks => Ok(count),
    }
}

fn command(batch: &Batch) -> RawDocumentBuf {
    let (name, list) = match batch.kind {
        StatementKind::Insert => (cstr!("insert"), cstr!("documents")),
        StatementKind::Update => (cstr!("update"), cstr!("updates")),
        StatementKind::Delete => (cstr!("delete"), cstr!("deletes")),
    };
    let mut statements = RawArrayBuf::new();
    for statement in &batch.statements {
        statements.push(statement.as_ref());
    }
    let mut command = RawDocumentBuf::new();
    command.append(name, batch.collection);
    command.append(cstr!("ordered"), true);
    command.append(list, statements);
    command
}

/// Returns the first statement that the server rejected, and its error.
fn first_error(kinds: &Kinds, reply: &Document) -> Option<(u64, CommitError)> {
    let first = reply.get_array("writeErrors").ok()?.first()?.as_document()?;
    let number = |key| first.get_i32(key).unwrap_or_default();
    let message = first.get_str("errmsg").unwrap_or("no reason given");
    let index = u64::try_from(number("index")).unwrap_or(0);
    Some((index, error::rejected_commit(kinds, number("code"), message)))
}

/// Stamps the tasks of those sessions that have ended and are not archived.
async fn stamp_tasks(
    database: &Database,
    session: &mut ClientSession,
    of: &[SessionId],
) -> Result<(), TransactionError> {
    let of: Vec<_> = of.iter().map(SessionId::to_string).collect();
    let filter = doc! { "session_id": { "$in": of }, "completed_at": { "$type": "date" }, "archived_at": null };
    let found = database
        .sessions
        .find(filter)
        .hint(Hint::Name(name::SESSION.to_owned()))
        .projection(doc! { "_id": 0, "session_id": 1, "completed_at": 1 })
        .session(&mut *session)
        .await;
    let mut rows = found?;
    let mut plan = Plan::default();
    while let Some(row) = rows.next(&mut *session).await.transpose()? {
        let (id, ended_at) = ended(&row).map_err(|error| TransactionError::Rejected(error.into()))?;
        plan.stamp_tasks_of_session(id, ended_at, None).map_err(TransactionError::Rejected)?;
    }
    for step in &plan.steps {
        if let Step::Run(batch) = step {
            run(database, session, batch).await?;
        }
    }
    Ok(())
}

/// Returns the id of an ended session, and the time of its end.
fn ended(document: &RawDocument) -> Result<(SessionId, Timestamp), StoreError> {
    decode("sessions", "session_id", document, |fields| {
        let id = fields.uuid(&session::ID).map_err(|error| error.to_string())?;
        let at = fields.time(&session::COMPLETED_AT).map_err(|error| error.to_string())?;
        Ok((SessionId(id), at))
    })
}

/// Deletes the oldest events that belong to no session.
async fn purge_events(
    database: &Database,
    session: &mut ClientSession,
    before: Timestamp,
) -> Result<u64, TransactionError> {
    let limit = u32::try_from(EVENT_PURGE_BATCH).unwrap_or(u32::MAX);
    let found = database
        .events
        .find(doc! { "loose": true, "at": { "$lt": date(before) } })
        .sort(doc! { "at": 1 })
        .limit(i64::from(limit))
        .batch_size(limit)
        .projection(doc! { "_id": 1 })
        .session(&mut *session)
        .await;
    let ids = ids(found?.stream(session)).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let deleted = database.events.delete_many(doc! { "_id": { "$in": ids } }).session(session).await?;
    Ok(deleted.deleted_count)
}

async fn ids(
    mut rows: impl futures_util::Stream<Item = Result<RawDocumentBuf, Error>> + Unpin,
) -> Result<Vec<bson::Bson>, TransactionError> {
    let mut ids = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let id = row.get("_id").ok().flatten().and_then(|id| bson::Bson::try_from(id).ok());
        let nameless = || StoreError::Corrupt("an event without an _id".to_owned());
        ids.push(id.ok_or_else(|| TransactionError::Rejected(nameless().into()))?);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests;
