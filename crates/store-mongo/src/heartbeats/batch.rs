//! One batch of heartbeats: an update and a find of the same rows, sent at the same time on two connections; a single
//! heartbeat is one command.
//!
//! Why the row of a find that ran beside the update may be returned for a heartbeat: both happen while the caller waits.
//! When every statement of the update found its row, each heartbeat took effect, in a state that allows it, at one moment
//! of the call; the row was read at another moment of it, and allows the heartbeat as well. A row that already shows the
//! heartbeat, or a later one, is what a single heartbeat would have returned then. For the others the row is returned with
//! the heartbeat on it: as from a heartbeat and a read beside it, which differ only when the row changes in between, and
//! such a change ran at the same time as the heartbeat. What a store must never do cannot happen here: to confirm a
//! heartbeat where the session was judged stalled meanwhile. Then the update misses the row, and the find that follows
//! returns its state.

use std::collections::HashMap;
use std::time::Duration;

use bson::{Document, RawArrayBuf, RawDocumentBuf, cstr, doc, rawdoc};
use futures_util::TryStreamExt;
use mongodb::error::Error;
use mongodb::options::{Hint, ReturnDocument};
use rekindle_core::store::{StoreError, Versioned};
use rekindle_core::values::Timestamp;
use tokio::time::sleep;

use super::heartbeat::{Heartbeat, HeartbeatResult, PendingHeartbeat};
use crate::backoff::Backoff;
use crate::database::Database;
use crate::documents::date;
use crate::error;
use crate::reply::row_count;

/// The pause before the second attempt, which is the last.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_millis(50), 0.9);

/// Rows by their ids. A row that cannot be decoded is an error for its own heartbeats only.
type Rows<B> = HashMap<String, Result<Versioned<<B as Heartbeat>::Row>, StoreError>>;

/// Sends a batch and answers each of its heartbeats.
pub(super) async fn send<B: Heartbeat>(database: &Database, batch: Vec<PendingHeartbeat<B>>) {
    let mut statements = Statements::of(&batch);
    let primary_lost = || Err(error::primary_lost());
    let mut results = database.with_failover(attempt(database, &statements, &batch)).await.unwrap_or_else(primary_lost);
    let mut first_is_ambiguous = false;
    if let Err(error) = &results
        && error::is_resendable(error)
    {
        first_is_ambiguous = error::is_ambiguous(error);
        // The driver does not retry raw commands. A heartbeat may be written twice.
        sleep(BACKOFF.pause(1)).await;
        results = database.with_failover(attempt(database, &statements, &batch)).await.unwrap_or_else(primary_lost);
    }
    let mut results = match results {
        Ok(results) => results,
        // The first attempt may have been written, whatever the second one's error says.
        Err(error) if first_is_ambiguous => return fail(batch, &StoreError::Unknown(error::describe(&error))),
        Err(error) => return fail(batch, &error::write_error(&error)),
    };
    for (pending, index) in batch.into_iter().zip(statements.of_heartbeats) {
        let statement = &mut statements.all[index];
        statement.heartbeats -= 1;
        let result = &mut results[index];
        let result = if statement.heartbeats == 0 { std::mem::replace(result, Ok(None)) } else { result.clone() };
        // Fails when the caller has stopped waiting.
        drop(pending.reply.send(result));
    }
}

/// Answers every heartbeat of a batch with this error.
pub(super) fn fail<B: Heartbeat>(batch: Vec<PendingHeartbeat<B>>, error: &StoreError) {
    for pending in batch {
        drop(pending.reply.send(Err(error.clone())));
    }
}

/// The heartbeats of one row with the same filter, with the latest time.
struct Statement {
    id: String,
    at: Timestamp,
    /// The index of a heartbeat with this filter.
    example: usize,
    /// The number of heartbeats that are not answered yet.
    heartbeats: usize,
}

/// The distinct statements of a batch.
struct Statements {
    all: Vec<Statement>,
    /// The index of each heartbeat's statement.
    of_heartbeats: Vec<usize>,
}

impl Statements {
    fn of<B: Heartbeat>(batch: &[PendingHeartbeat<B>]) -> Self {
        let mut by_key = HashMap::with_capacity(batch.len());
        let mut all: Vec<Statement> = Vec::with_capacity(batch.len());
        let mut of_heartbeats = Vec::with_capacity(batch.len());
        for (example, PendingHeartbeat { heartbeat, .. }) in batch.iter().enumerate() {
            let index = *by_key.entry(heartbeat.key()).or_insert_with(|| {
                all.push(Statement { id: heartbeat.id(), at: heartbeat.at(), example, heartbeats: 0 });
                all.len() - 1
            });
            let statement = &mut all[index];
            statement.at = statement.at.max(heartbeat.at());
            statement.heartbeats += 1;
            of_heartbeats.push(index);
        }
        Self { all, of_heartbeats }
    }
}

/// Returns the result of each statement.
async fn attempt<B: Heartbeat>(
    database: &Database,
    statements: &Statements,
    batch: &[PendingHeartbeat<B>],
) -> Result<Vec<HeartbeatResult<B>>, Error> {
    match statements.all.as_slice() {
        [statement] => Ok(vec![send_single(database, statement, &batch[statement.example].heartbeat).await?]),
        _ => send_many(database, statements, batch).await,
    }
}

/// Updates and reads one row by one command.
async fn send_single<B: Heartbeat>(
    database: &Database,
    statement: &Statement,
    heartbeat: &B,
) -> Result<HeartbeatResult<B>, Error> {
    let filter = Document::try_from(&heartbeat.filter())?;
    let found = database
        .db
        .collection::<RawDocumentBuf>(B::COLLECTION)
        .find_one_and_update(filter, doc! { "$max": { "last_heartbeat": date(statement.at) } })
        .hint(Hint::Name(B::INDEX.to_owned()))
        .return_document(ReturnDocument::After)
        .max_time(database.call_timeout)
        .await?;
    Ok(found.map(|document| B::read(&document)).transpose())
}

/// Updates and reads the rows of all statements by two commands, and reads the unconfirmed ones again.
async fn send_many<B: Heartbeat>(
    database: &Database,
    statements: &Statements,
    batch: &[PendingHeartbeat<B>],
) -> Result<Vec<HeartbeatResult<B>>, Error> {
    let all: Vec<&Statement> = statements.all.iter().collect();
    let (updated, rows) = tokio::join!(update(database, &statements.all, batch), find::<B>(database, &all));
    let updated = updated?;
    let rows = rows.unwrap_or_default();
    let is_confirmed = |statement: &Statement| {
        let row = rows.get(&statement.id).and_then(|row| row.as_ref().ok());
        row.is_some_and(|row| {
            let is_recorded = updated.all || B::last_heartbeat(&row.value) >= statement.at;
            is_recorded && batch[statement.example].heartbeat.allows(&row.value)
        })
    };
    let unconfirmed: Vec<&Statement> = statements.all.iter().filter(|statement| !is_confirmed(statement)).collect();
    let later_rows = if unconfirmed.is_empty() { Rows::<B>::new() } else { find::<B>(database, &unconfirmed).await? };
    let result = |(index, statement): (usize, &Statement)| {
        let heartbeat = &batch[statement.example].heartbeat;
        if let Some(error) = updated.rejected.get(&index) {
            return Err(error.clone());
        }
        if is_confirmed(statement)
            && let Some(Ok(row)) = rows.get(&statement.id)
        {
            let mut row = row.clone();
            B::record_heartbeat(&mut row.value, statement.at);
            return Ok(Some(row));
        }
        match later_rows.get(&statement.id).cloned().transpose()? {
            Some(row) if heartbeat.allows(&row.value) && B::last_heartbeat(&row.value) >= statement.at => Ok(Some(row)),
            Some(_) | None => Ok(None),
        }
    };
    Ok(statements.all.iter().enumerate().map(result).collect())
}

/// What the update's reply says.
struct Updated {
    /// Whether every statement found its row.
    all: bool,
    /// The errors of single statements, by index.
    rejected: HashMap<usize, StoreError>,
}

async fn update<B: Heartbeat>(
    database: &Database,
    statements: &[Statement],
    batch: &[PendingHeartbeat<B>],
) -> Result<Updated, Error> {
    let mut updates = RawArrayBuf::new();
    for statement in statements {
        let mut update = RawDocumentBuf::new();
        update.append(cstr!("q"), batch[statement.example].heartbeat.filter());
        update.append(cstr!("u"), rawdoc! { "$max": { "last_heartbeat": date(statement.at) } });
        update.append(cstr!("hint"), B::INDEX);
        updates.push(update);
    }
    let limit = i64::try_from(database.call_timeout.as_millis()).unwrap_or(i64::MAX);
    let command = rawdoc! {
        "update": B::COLLECTION,
        "ordered": false,
        "maxTimeMS": limit,
        "writeConcern": { "w": "majority", "j": true, "wtimeout": limit },
        "updates": updates,
    };
    let reply = database.db.run_raw_command(command).await?;
    let rejected = rejected(&reply, statements.len());
    Ok(Updated { all: rejected.is_empty() && row_count(&reply) == statements.len() as u64, rejected })
}

/// Returns the statements that the server rejected, or that no majority acknowledged.
fn rejected(reply: &Document, statements: usize) -> HashMap<usize, StoreError> {
    if let Ok(concern) = reply.get_document("writeConcernError") {
        let unknown = StoreError::Unknown(concern.get_str("errmsg").unwrap_or("no majority").to_owned());
        return (0..statements).map(|statement| (statement, unknown.clone())).collect();
    }
    let errors = reply.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    let rejected = errors.iter().filter_map(|error| {
        let error = error.as_document()?;
        let index = usize::try_from(error.get_i32("index").ok()?).ok()?;
        let why = error.get_str("errmsg").unwrap_or("no reason given");
        Some((index, error::rejected_statement(error.get_i32("code").unwrap_or_default(), why)))
    });
    rejected.collect()
}

async fn find<B: Heartbeat>(database: &Database, statements: &[&Statement]) -> Result<Rows<B>, Error> {
    let ids: Vec<&str> = statements.iter().map(|statement| statement.id.as_str()).collect();
    let mut found = database
        .db
        .collection::<RawDocumentBuf>(B::COLLECTION)
        .find(doc! { B::ID.as_str(): { "$in": ids } })
        .hint(Hint::Name(B::INDEX.to_owned()))
        .batch_size(u32::try_from(statements.len() + 1).unwrap_or(u32::MAX))
        .max_time(database.call_timeout)
        .await?;
    let mut rows = Rows::<B>::with_capacity(statements.len());
    while let Some(document) = found.try_next().await? {
        if let Ok(id) = document.get_str(B::ID) {
            rows.insert(id.to_owned(), B::read(&document));
        }
    }
    Ok(rows)
}
