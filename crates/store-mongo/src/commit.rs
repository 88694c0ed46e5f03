//! Commits. One statement is atomic by itself; anything else runs in one transaction, which is retried on conflicts until
//! the caller's deadline.

pub(crate) mod error;
mod orphaned_events;
mod plan;
mod run;
mod single_statement;
pub(crate) mod transaction;

use rekindle_core::store::{Changes, CommitError, Committed, EVENT_PURGE_BATCH};
use tokio::time::Instant;

use self::plan::Plan;
use self::transaction::Transaction;
use crate::database::Database;
use crate::ordered_ids::OrderedIds;

/// Applies all of the changes, or none, and retries until the deadline.
pub(crate) async fn apply(
    database: &Database,
    ordered_ids: &OrderedIds,
    changes: &Changes,
    deadline: Instant,
) -> Result<Committed, CommitError> {
    let plan = Plan::of(changes, ordered_ids, &database.kinds)?;
    if let Some(batch) = plan.single() {
        return single_statement::run(database, batch).await.map(|()| Committed::default());
    }
    if plan.steps.is_empty() {
        return Ok(Committed::default());
    }
    let mut transaction = Transaction::open(database, deadline).await?;
    loop {
        transaction.begin().await?;
        let error = match run::steps(database, &mut transaction.session, &plan).await {
            Ok(committed) => match transaction.commit().await {
                Ok(()) => {
                    let purge_is_done =
                        changes.purge_events_before.is_some() && committed.purged_events < EVENT_PURGE_BATCH;
                    if purge_is_done {
                        // In the background: the caller's own changes are committed.
                        tokio::spawn(orphaned_events::delete(database.clone()));
                    }
                    return Ok(committed);
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        transaction.resolve(error).await?;
    }
}
