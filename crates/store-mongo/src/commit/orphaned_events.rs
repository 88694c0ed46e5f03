//! Events whose session is gone. A deletion takes them along; the server's own clean-up of old sessions, which is there
//! in case that nobody deletes, does not.

use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::error::Error;
use mongodb::options::Hint;

use crate::database::Database;
use crate::error;

/// How many sessions' events one sweep takes.
const AT_ONCE: i64 = 100;

/// Deletes them. Nobody waits for the last of them, so a sweep that fails is only noted.
pub async fn run(collections: Database) {
    let swept = collections.losses.run_until_failover(collections.call_timeout, sweep(&collections)).await;
    match swept.unwrap_or_else(|| Err(super::lost())) {
        Ok(0) => {}
        Ok(events) => tracing::info!(events, "deleted events whose sessions the server had removed"),
        Err(error) => {
            tracing::warn!(error = error::describe(&error), "events of removed sessions could not be deleted")
        }
    }
}

/// An event that is seen has its session before it, and no session comes back: none that is missing then is still to come.
async fn sweep(collections: &Database) -> Result<u64, Error> {
    let of_nobody = vec![
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
        doc! { "$limit": AT_ONCE },
        doc! { "$project": { "_id": 1 } },
    ];
    let mut found = collections
        .events
        .aggregate(of_nobody)
        .hint(Hint::Name("kept_with_1".to_owned()))
        .max_time(collections.call_timeout)
        .with_type::<Document>()
        .await?;
    let mut gone = Vec::new();
    while let Some(group) = found.try_next().await? {
        gone.extend(group.get_str("_id").map(str::to_owned));
    }
    if gone.is_empty() {
        return Ok(0);
    }
    Ok(collections.events.delete_many(doc! { "kept_with": { "$in": gone } }).await?.deleted_count)
}
