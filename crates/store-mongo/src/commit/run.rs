//! Runs the steps of a plan within a transaction, and reads from the server's counts what they mean.

use bson::{Document, RawArrayBuf, RawDocumentBuf, cstr, doc};
use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::error::Error;
use mongodb::options::Hint;
use rekindle_core::store::{CommitError, Committed, EVENT_PURGE_BATCH, StoreError};
use rekindle_core::values::{SessionId, Timestamp};

use super::Failure;
use super::plan::{Batch, Expectation, Plan, StatementKind, Step};
use crate::database::Database;
use crate::documents::date;
use crate::documents::session::{ended, ended_fields};
use crate::error;
use crate::schema::indexes::name;

/// Runs them in order, up to the first that fails.
pub async fn steps(collections: &Database, session: &mut ClientSession, plan: &Plan) -> Result<Committed, Failure> {
    let mut done = Committed::default();
    for step in &plan.steps {
        match step {
            Step::Run(batch) => {
                let count = run(collections, session, batch).await?;
                if batch.demand == Expectation::Tasks {
                    done.deleted_tasks += count;
                }
            }
            Step::Date(of) => {
                let dated = date_tasks(collections, session, of);
                let told = collections.losses.run_until_failover(collections.call_timeout, dated).await;
                told.unwrap_or_else(|| Err(super::lost().into()))?;
            }
            Step::Forget(before) => {
                let forgotten = forget(collections, session, *before);
                let told = collections.losses.run_until_failover(collections.call_timeout, forgotten).await;
                done.purged_events += told.unwrap_or_else(|| Err(super::lost().into()))?;
            }
        }
    }
    Ok(done)
}

async fn run(collections: &Database, session: &mut ClientSession, batch: &Batch) -> Result<u64, Failure> {
    let asked = collections.db.run_raw_command(command(batch)).session(session).into_future();
    let reply = collections
        .losses
        .run_until_failover(collections.call_timeout, asked)
        .await
        .unwrap_or_else(|| Err(super::lost()))?;
    let count = count(&reply);
    if let Some((index, error)) = first_error(&reply) {
        // What stands before it went through, or was not there: whichever came first counts.
        let before = batch.demand == Expectation::Each && count < index;
        let error = if before { CommitError::Stale } else { error };
        return Err(Failure::Refused(batch.demand.refused(error)));
    }
    match batch.demand {
        Expectation::Each if count != batch.statements.len() as u64 => Err(Failure::Refused(CommitError::Stale)),
        Expectation::Fence if count != 1 => Err(Failure::Refused(CommitError::Fenced)),
        Expectation::Each | Expectation::Fence | Expectation::Answer | Expectation::Any | Expectation::Tasks => {
            Ok(count)
        }
    }
}

/// The command as the server takes it.
pub fn command(batch: &Batch) -> RawDocumentBuf {
    let (verb, list) = match batch.verb {
        StatementKind::Insert => (cstr!("insert"), cstr!("documents")),
        StatementKind::Update => (cstr!("update"), cstr!("updates")),
        StatementKind::Delete => (cstr!("delete"), cstr!("deletes")),
    };
    let mut statements = RawArrayBuf::new();
    for statement in &batch.statements {
        statements.push(statement.as_ref());
    }
    let mut command = RawDocumentBuf::new();
    command.append(verb, batch.collection);
    command.append(cstr!("ordered"), true);
    command.append(list, statements);
    command
}

/// How many rows a command found (an update's count is of what it matched).
pub fn count(reply: &Document) -> u64 {
    let count = match reply.get("n") {
        Some(bson::Bson::Int32(n)) => i64::from(*n),
        Some(bson::Bson::Int64(n)) => *n,
        Some(_) | None => 0,
    };
    u64::try_from(count).unwrap_or(0)
}

/// The first statement that the server refused, and what that means.
fn first_error(reply: &Document) -> Option<(u64, CommitError)> {
    let first = reply.get_array("writeErrors").ok()?.first()?.as_document()?;
    let number = |key| first.get_i32(key).unwrap_or_default();
    let message = first.get_str("errmsg").unwrap_or("no reason given");
    let index = u64::try_from(number("index")).unwrap_or(0);
    Some((index, error::refused(number("code"), message)))
}

/// Dates the tasks of those of these sessions that have ended and are not archived.
async fn date_tasks(collections: &Database, session: &mut ClientSession, of: &[SessionId]) -> Result<(), Failure> {
    let of: Vec<_> = of.iter().map(SessionId::to_string).collect();
    let filter = doc! { "session_id": { "$in": of }, "completed_at": { "$type": "date" }, "archived_at": null };
    let found = collections
        .sessions
        .find(filter)
        .hint(Hint::Name(name::SESSION.to_owned()))
        .projection(ended_fields())
        .session(&mut *session)
        .await;
    let mut rows = found?;
    let mut plan = Plan::default();
    while let Some(row) = rows.next(&mut *session).await.transpose()? {
        let (id, ended_at) = ended(&row).map_err(|error| Failure::Refused(error.into()))?;
        plan.date(id, ended_at, None).map_err(Failure::Refused)?;
    }
    for step in &plan.steps {
        if let Step::Run(batch) = step {
            run(collections, session, batch).await?;
        }
    }
    Ok(())
}

/// Deletes the oldest of what is kept with no session.
async fn forget(collections: &Database, session: &mut ClientSession, before: Timestamp) -> Result<u64, Failure> {
    let limit = u32::try_from(EVENT_PURGE_BATCH).unwrap_or(u32::MAX);
    let found = collections
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
    let deleted = collections.events.delete_many(doc! { "_id": { "$in": ids } }).session(session).await?;
    Ok(deleted.deleted_count)
}

async fn ids(
    mut rows: impl futures_util::Stream<Item = Result<RawDocumentBuf, Error>> + Unpin,
) -> Result<Vec<bson::Bson>, Failure> {
    let mut ids = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let id = row.get("_id").ok().flatten().and_then(|id| bson::Bson::try_from(id).ok());
        let nameless = || StoreError::Corrupt("an event without an _id".to_owned());
        ids.push(id.ok_or_else(|| Failure::Refused(nameless().into()))?);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests;
