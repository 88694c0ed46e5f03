//! A commit of one statement: one write by the driver's own methods. The driver retries it once, under the same
//! transaction number, when the network fails; the server applies it only once.

use bson::{Document, RawDocument};
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::Hint;
use rekindle_core::store::{CommitError, StoreError};

use super::plan::batch::{Batch, StatementKind};
use crate::database::Database;
use crate::error;
use crate::kinds::Kinds;

/// Runs the statement. Fails with `Stale` when it found no row.
pub(crate) async fn run(database: &Database, batch: &Batch) -> Result<(), CommitError> {
    let [statement] = batch.statements.as_slice() else { return Ok(()) };
    let collection: Collection<bson::RawDocumentBuf> = database.db.collection(batch.collection);
    let primary_lost = || Err(StoreError::Unknown(error::PRIMARY_LOST.to_owned()).into());
    match database
        .with_failover(send(&collection, &database.kinds, batch, statement))
        .await
        .unwrap_or_else(primary_lost)?
    {
        0 => Err(batch.expectation.interpret(CommitError::Stale)),
        _ => Ok(()),
    }
}

async fn send(
    collection: &Collection<bson::RawDocumentBuf>,
    kinds: &Kinds,
    batch: &Batch,
    statement: &bson::RawDocumentBuf,
) -> Result<u64, CommitError> {
    let found: Result<u64, Error> = match batch.kind {
        StatementKind::Insert => collection.insert_one(statement).await.map(|_| 1),
        StatementKind::Update => {
            let (filter, update) = (part(statement, "q")?, part(statement, "u")?);
            let mut updated = collection.update_one(filter, update).hint(hint(statement));
            if statement.get_bool("upsert").unwrap_or(false) {
                updated = updated.upsert(true);
            }
            updated.await.map(|result| result.matched_count + u64::from(result.upserted_id.is_some()))
        }
        StatementKind::Delete => {
            let deleted = collection.delete_one(part(statement, "q")?).hint(hint(statement));
            deleted.await.map(|result| result.deleted_count)
        }
    };
    found.map_err(|error| batch.expectation.interpret(error::commit_error(kinds, &error)))
}

fn hint(statement: &RawDocument) -> Hint {
    Hint::Name(statement.get_str("hint").unwrap_or("_id_").to_owned())
}

fn part(statement: &RawDocument, key: &str) -> Result<Document, CommitError> {
    let part = statement.get_document(key).and_then(Document::try_from);
    part.map_err(|error| CommitError::Failed(StoreError::Corrupt(format!("a statement without {key}: {error}"))))
}
