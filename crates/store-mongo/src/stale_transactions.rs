//! Transactions that a process left open when it was killed. The database keeps them, and the rows that they wrote, for
//! a minute. A call that waits for long looks for them, and ends them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use mongodb::Client;
use mongodb::error::Error;

use crate::error;

/// How long a stale transaction has been without a statement. Rekindle sends the statements of a transaction without
/// pause: one that is inactive for this long belongs to a process that is dead or stopped, and a stopped one begins
/// another when it goes on.
const INACTIVE_FOR: Duration = Duration::from_millis(1500);

/// The shortest time between two searches of one process.
const SEARCH_INTERVAL: Duration = Duration::from_secs(1);

/// Ends stale transactions on demand.
#[derive(Debug, Default)]
pub(crate) struct StaleTransactions {
    last_search: Mutex<Option<Instant>>,
}

impl StaleTransactions {
    /// Ends them in the background. A failure is only logged, since the server ends them later by itself.
    pub(crate) fn end_all(self: &Arc<Self>, client: &Client) {
        let now = Instant::now();
        let mut last_search = self.last_search.lock().unwrap_or_else(PoisonError::into_inner);
        if last_search.is_some_and(|last| now.duration_since(last) < SEARCH_INTERVAL) {
            return;
        }
        *last_search = Some(now);
        let client = client.clone();
        tokio::spawn(async move {
            match find_and_end(&client).await {
                Ok(0) => {}
                Ok(ended) => tracing::warn!(ended, "ended transactions that a killed process had left open"),
                Err(error) => {
                    tracing::debug!(error = error::describe(&error), "open transactions could not be looked for");
                }
            }
        });
    }
}

/// Sees only the transactions of this user, for which the user needs no right.
async fn find_and_end(client: &Client) -> Result<usize, Error> {
    let admin = client.database("admin");
    let inactive = i64::try_from(INACTIVE_FOR.as_micros()).unwrap_or(i64::MAX);
    let stale = doc! { "type": "idleSession", "transaction.timeInactiveMicros": { "$gte": inactive } };
    let command = doc! {
        "aggregate": 1,
        "pipeline": [
            { "$currentOp": { "allUsers": false, "idleSessions": true } },
            { "$match": stale },
            { "$project": { "lsid.id": 1 } },
        ],
        "cursor": {},
    };
    let found: Document = admin.run_command(command).await?;
    let batch = found.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).cloned();
    let id = |row: &Bson| row.as_document()?.get_document("lsid").ok()?.get("id").cloned();
    let sessions: Vec<Bson> =
        batch.unwrap_or_default().iter().filter_map(id).map(|id| Bson::Document(doc! { "id": id })).collect();
    let count = sessions.len();
    if count > 0 {
        admin.run_command(doc! { "killSessions": sessions }).await?;
    }
    Ok(count)
}
