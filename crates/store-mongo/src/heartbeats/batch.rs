//! One batch of heartbeats: an update and a find of the same rows, sent at the same time on two connections; a lone beat
//! is one command.
//!
//! Why the row of a find that ran beside the update is a beat's outcome: both happen while the caller waits. When every
//! statement of the update found its row, each beat took effect, in a state that allows it, at one moment of the call;
//! the row was read at another moment of it, and allows the beat as well. A row that already shows the beat, or a later
//! one, is what a single beat would have answered then. Of the others the caller gets the row with its own beat on it: as
//! from a beat and a read beside it, which nobody can tell apart but by changing the row in between, and such a change was
//! under way at the same time as the beat. What a store must never do cannot happen here: to say that a beat took place
//! where silence was judged meanwhile. Then the update misses the row, and the find after it tells how it stands.

use std::collections::HashMap;
use std::time::Duration;

use bson::{Document, RawArrayBuf, RawDocumentBuf, cstr, doc, rawdoc};
use futures_util::TryStreamExt;
use mongodb::error::Error;
use mongodb::options::{Hint, ReturnDocument};
use rekindle_core::store::{StoreError, Versioned};
use rekindle_core::values::Timestamp;
use tokio::time::sleep;

use super::{Beat, Outcome, Waiting};
use crate::commit::count;
use crate::database::Database;
use crate::documents::date;
use crate::error;

/// Rows by their ids; a row that makes no sense is an error for those who asked for it only.
type Rows<B> = HashMap<String, Result<Versioned<<B as Beat>::Row>, StoreError>>;

/// Sends a batch and answers everybody in it.
pub async fn run<B: Beat>(collections: &Database, batch: Vec<Waiting<B>>) {
    let mut asked = Asked::of(&batch);
    let lost = || Err(crate::commit::lost());
    let mut told = collections.with_failover(once(collections, &asked, &batch)).await.unwrap_or_else(lost);
    let mut doubt = false;
    if let Err(error) = &told
        && error::is_passing(error)
    {
        doubt = error::is_ambiguous(error);
        // The driver does not repeat commands of this kind. A beat may happen twice.
        sleep(Duration::from_millis(fastrand::u64(5..50))).await;
        told = collections.with_failover(once(collections, &asked, &batch)).await.unwrap_or_else(lost);
    }
    let mut outcomes = match told {
        Ok(outcomes) => outcomes,
        // The first attempt may have gone through, whatever became of the second.
        Err(error) if doubt => return fail(batch, &StoreError::Unknown(error::describe(&error))),
        Err(error) => return fail(batch, &error::write_failed(&error)),
    };
    for (waiting, place) in batch.into_iter().zip(asked.places) {
        let statement = &mut asked.statements[place];
        statement.beats -= 1;
        let outcome = &mut outcomes[place];
        let outcome = if statement.beats == 0 { std::mem::replace(outcome, Ok(None)) } else { outcome.clone() };
        // A caller that went away needs no answer.
        drop(waiting.answer.send(outcome));
    }
}

/// Answers the same to all.
pub fn fail<B: Beat>(batch: Vec<Waiting<B>>, error: &StoreError) {
    for waiting in batch {
        drop(waiting.answer.send(Err(error.clone())));
    }
}

/// Beats of one row that demand the same of it are one statement, with the latest time.
struct Statement {
    id: String,
    at: Timestamp,
    /// The place of a beat that has this filter.
    example: usize,
    /// How many beats it stands for.
    beats: usize,
}

/// The distinct statements of a batch.
struct Asked {
    statements: Vec<Statement>,
    /// For each beat its statement.
    places: Vec<usize>,
}

impl Asked {
    fn of<B: Beat>(batch: &[Waiting<B>]) -> Self {
        let mut known = HashMap::with_capacity(batch.len());
        let mut statements: Vec<Statement> = Vec::with_capacity(batch.len());
        let mut places = Vec::with_capacity(batch.len());
        for (example, Waiting { beat, .. }) in batch.iter().enumerate() {
            let place = *known.entry(beat.key()).or_insert_with(|| {
                statements.push(Statement { id: beat.id(), at: beat.at(), example, beats: 0 });
                statements.len() - 1
            });
            let statement = &mut statements[place];
            statement.at = statement.at.max(beat.at());
            statement.beats += 1;
            places.push(place);
        }
        Self { statements, places }
    }
}

/// The outcome of each statement.
async fn once<B: Beat>(collections: &Database, asked: &Asked, batch: &[Waiting<B>]) -> Result<Vec<Outcome<B>>, Error> {
    match asked.statements.as_slice() {
        [statement] => Ok(vec![alone(collections, statement, &batch[statement.example].beat).await?]),
        _ => together(collections, asked, batch).await,
    }
}

/// One statement needs one command, which does both at once.
async fn alone<B: Beat>(collections: &Database, statement: &Statement, beat: &B) -> Result<Outcome<B>, Error> {
    let filter = Document::try_from(&beat.filter())?;
    let found = collections
        .db
        .collection::<RawDocumentBuf>(B::COLLECTION)
        .find_one_and_update(filter, doc! { "$max": { "last_heartbeat": date(statement.at) } })
        .hint(Hint::Name(B::INDEX.to_owned()))
        .return_document(ReturnDocument::After)
        .max_time(collections.call_timeout)
        .await?;
    Ok(found.map(|document| B::read(&document)).transpose())
}

/// Two commands for all.
async fn together<B: Beat>(
    collections: &Database,
    asked: &Asked,
    batch: &[Waiting<B>],
) -> Result<Vec<Outcome<B>>, Error> {
    let everybody: Vec<&Statement> = asked.statements.iter().collect();
    let (updated, beside) = tokio::join!(update(collections, asked, batch), rows::<B>(collections, &everybody));
    let updated = updated?;
    let beside = beside.unwrap_or_default();
    let clear = |statement: &Statement| {
        let row = beside.get(&statement.id).and_then(|row| row.as_ref().ok());
        row.is_some_and(|row| {
            let heard = updated.all || B::last_heartbeat(&row.value) >= statement.at;
            heard && batch[statement.example].beat.allows(&row.value)
        })
    };
    let unclear: Vec<&Statement> = asked.statements.iter().filter(|statement| !clear(statement)).collect();
    let after = if unclear.is_empty() { Rows::<B>::new() } else { rows::<B>(collections, &unclear).await? };
    let outcome = |(place, statement): (usize, &Statement)| {
        let beat = &batch[statement.example].beat;
        if let Some(refusal) = updated.refused.get(&place) {
            return Err(refusal.clone());
        }
        if clear(statement)
            && let Some(Ok(row)) = beside.get(&statement.id)
        {
            let mut row = row.clone();
            B::record_heartbeat(&mut row.value, statement.at);
            return Ok(Some(row));
        }
        match after.get(&statement.id).cloned().transpose()? {
            Some(row) if beat.allows(&row.value) && B::last_heartbeat(&row.value) >= statement.at => Ok(Some(row)),
            Some(_) | None => Ok(None),
        }
    };
    Ok(asked.statements.iter().enumerate().map(outcome).collect())
}

/// What the update says.
struct Updated {
    /// Whether every statement found its row.
    all: bool,
    /// What the server would not do, by statement.
    refused: HashMap<usize, StoreError>,
}

async fn update<B: Beat>(collections: &Database, asked: &Asked, batch: &[Waiting<B>]) -> Result<Updated, Error> {
    let mut statements = RawArrayBuf::new();
    for statement in &asked.statements {
        let mut update = RawDocumentBuf::new();
        update.append(cstr!("q"), batch[statement.example].beat.filter());
        update.append(cstr!("u"), rawdoc! { "$max": { "last_heartbeat": date(statement.at) } });
        update.append(cstr!("hint"), B::INDEX);
        statements.push(update);
    }
    let limit = i64::try_from(collections.call_timeout.as_millis()).unwrap_or(i64::MAX);
    let command = rawdoc! {
        "update": B::COLLECTION,
        "ordered": false,
        "maxTimeMS": limit,
        "writeConcern": { "w": "majority", "j": true, "wtimeout": limit },
        "updates": statements,
    };
    let reply = collections.db.run_raw_command(command).await?;
    let refused = refused(&reply, asked.statements.len());
    Ok(Updated { all: refused.is_empty() && count(&reply) == asked.statements.len() as u64, refused })
}

/// The statements that the server did not do, or did without a majority behind it.
fn refused(reply: &Document, statements: usize) -> HashMap<usize, StoreError> {
    if let Ok(concern) = reply.get_document("writeConcernError") {
        let unknown = StoreError::Unknown(concern.get_str("errmsg").unwrap_or("no majority").to_owned());
        return (0..statements).map(|statement| (statement, unknown.clone())).collect();
    }
    let errors = reply.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    let told = errors.iter().filter_map(|error| {
        let error = error.as_document()?;
        let index = usize::try_from(error.get_i32("index").ok()?).ok()?;
        let why = error.get_str("errmsg").unwrap_or("no reason given");
        Some((index, error::statement_refused(error.get_i32("code").unwrap_or_default(), why)))
    });
    told.collect()
}

async fn rows<B: Beat>(collections: &Database, of: &[&Statement]) -> Result<Rows<B>, Error> {
    let ids: Vec<&str> = of.iter().map(|statement| statement.id.as_str()).collect();
    let mut found = collections
        .db
        .collection::<RawDocumentBuf>(B::COLLECTION)
        .find(doc! { B::ID.as_str(): { "$in": ids } })
        .hint(Hint::Name(B::INDEX.to_owned()))
        .batch_size(u32::try_from(of.len() + 1).unwrap_or(u32::MAX))
        .max_time(collections.call_timeout)
        .await?;
    let mut rows = Rows::<B>::with_capacity(of.len());
    while let Some(document) = found.try_next().await? {
        if let Ok(id) = document.get_str(B::ID) {
            rows.insert(id.to_owned(), B::read(&document));
        }
    }
    Ok(rows)
}
