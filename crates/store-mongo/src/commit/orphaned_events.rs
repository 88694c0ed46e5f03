//! Events whose session is gone. A deletion takes them along; the server's own TTL deletion of old sessions, which is the
//! fallback where the retention job does not run, does not.

use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::error::Error;
use mongodb::options::Hint;

use crate::database::Database;
use crate::error;

/// The number of sessions whose events one pass deletes.
const SESSIONS_PER_PASS: i64 = 100;

/// Deletes the orphaned events of some sessions. No caller waits for it: a failure is only logged.
pub(super) async fn delete(database: Database) {
    let deleted = database.primary_monitor.run_until_failover(database.call_timeout, delete_some(&database)).await;
    match deleted.unwrap_or_else(|| Err(error::primary_lost())) {
        Ok(0) => {}
        Ok(events) => tracing::info!(events, "deleted events whose sessions the server had removed"),
        Err(error) => {
            tracing::warn!(error = error::describe(&error), "events of removed sessions could not be deleted");
        }
    }
}

/// An event becomes visible after its session, and a deleted session never comes back: a session that is missing here
/// stays missing.
async fn delete_some(database: &Database) -> Result<u64, Error> {
    let orphaned = vec![
        doc! { "$match": { "kept_with": { "$gt": "" } } },
        doc! { "$sort": { "kept_with": 1 } },
        doc! { "$group": { "_id": "$kept_with" } },
        doc! { "$lookup": {
            "from": "sessions",
            "localField": "_id",
            "foreignField": "session_id",
            "pipeline": [{ "$project": { "_id": 1 } }],
            "as": "session",
        } },
        doc! { "$match": { "session": [] } },
        doc! { "$limit": SESSIONS_PER_PASS },
        doc! { "$project": { "_id": 1 } },
    ];
    let mut found = database
        .events
        .aggregate(orphaned)
        .hint(Hint::Name("kept_with_1".to_owned()))
        .max_time(database.call_timeout)
        .with_type::<Document>()
        .await?;
    let mut sessions = Vec::new();
    while let Some(group) = found.try_next().await? {
        sessions.extend(group.get_str("_id").map(str::to_owned));
    }
    if sessions.is_empty() {
        return Ok(0);
    }
    Ok(database.events.delete_many(doc! { "kept_with": { "$in": sessions } }).await?.deleted_count)
}
