//! A commit of one statement: one write by the driver's own methods, which it repeats once, under the same number, when
//! the network fails; the server does it only once.

use bson::{Document, RawDocument};
use mongodb::Collection;
use mongodb::error::Error;
use mongodb::options::Hint;
use rekindle_core::store::{CommitError, StoreError};

use super::plan::{Batch, StatementKind};
use crate::database::Database;
use crate::error;

/// Runs it, and demands that it found its row.
pub async fn run(collections: &Database, batch: &Batch) -> Result<(), CommitError> {
    let [statement] = batch.statements.as_slice() else { return Ok(()) };
    let collection: Collection<bson::RawDocumentBuf> = collections.db.collection(batch.collection);
    let asked = async { ask(&collection, batch, statement).await };
    let lost = || Err(StoreError::Unknown(error::LOST.to_owned()).into());
    match collections.with_failover(asked).await.unwrap_or_else(lost)? {
        0 => Err(batch.demand.refused(CommitError::Stale)),
        _ => Ok(()),
    }
}

async fn ask(
    collection: &Collection<bson::RawDocumentBuf>,
    batch: &Batch,
    statement: &bson::RawDocumentBuf,
) -> Result<u64, CommitError> {
    let found: Result<u64, Error> = match batch.verb {
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
    found.map_err(|error| batch.demand.refused(error::commit_failed(&error)))
}

fn hint(statement: &RawDocument) -> Hint {
    Hint::Name(statement.get_str("hint").unwrap_or("_id_").to_owned())
}

fn part(statement: &RawDocument, key: &str) -> Result<Document, CommitError> {
    let part = statement.get_document(key).and_then(Document::try_from);
    part.map_err(|error| CommitError::Failed(StoreError::Corrupt(format!("a statement without {key}: {error}"))))
}
