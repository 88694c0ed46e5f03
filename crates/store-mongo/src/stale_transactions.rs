//! Transactions that a process of ours left open when it was killed. The database keeps them, and the rows that they had
//! written, for a minute; nobody will ever go on with them. Whoever waits for long looks for them, and ends them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use mongodb::Client;
use mongodb::error::Error;

use crate::error;

/// A transaction of ours asks for one thing after the other. One of which nothing was heard for so long has no process any
/// more, or one that stands still; that one will be told that its transaction is gone, and begins another.
const SILENT_FOR: Duration = Duration::from_millis(1500);

/// No process of ours looks more often.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// Looks for them when asked to.
#[derive(Debug, Default)]
pub struct StaleTransactions {
    looked: Mutex<Option<Instant>>,
}

impl StaleTransactions {
    /// Ends them, beside whatever the caller does. What cannot be ended is only noted, since it ends by itself later.
    pub fn end(self: &Arc<Self>, client: &Client) {
        let now = Instant::now();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_some_and(|looked| now.duration_since(looked) < AT_MOST_EVERY) {
            return;
        }
        *looked = Some(now);
        let client = client.clone();
        tokio::spawn(async move {
            match try_to_end(&client).await {
                Ok(0) => {}
                Ok(ended) => tracing::warn!(ended, "ended transactions that a killed process had left open"),
                Err(error) => {
                    tracing::debug!(error = error::describe(&error), "open transactions could not be looked for")
                }
            }
        });
    }
}

/// Only this user's own: that needs no right.
async fn try_to_end(client: &Client) -> Result<usize, Error> {
    let admin = client.database("admin");
    let silent = i64::try_from(SILENT_FOR.as_micros()).unwrap_or(i64::MAX);
    let orphans = doc! { "type": "idleSession", "transaction.timeInactiveMicros": { "$gte": silent } };
    let command = doc! {
        "aggregate": 1,
        "pipeline": [
            { "$currentOp": { "allUsers": false, "idleSessions": true } },
            { "$match": orphans },
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
