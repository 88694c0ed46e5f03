//! Queries of retention.

use super::TypedQuery;
use crate::domain::session::Session;
use crate::domain::task::Task;
use crate::store::Version;
use crate::store::lists::{Expired, ExpiredCounts};
use crate::store::query::{Count, Fields, Order, Query, Selection, Test};
use crate::values::Timestamp;

fn ended(by: Timestamp) -> Selection {
    let ended = Selection::by_index::<Session>("ended").with("completed_at", Test::AtMost(by.into()));
    ended.with("archived_at", Test::Absent)
}

/// Finds the unarchived sessions that ended at `ended_by` or before, oldest first, at most `limit`.
pub fn expired(ended_by: Timestamp, limit: u32) -> TypedQuery<Vec<Expired>> {
    let oldest_first = ended(ended_by).ordered(Order::By(&["completed_at"])).limited(limit);
    let projected = oldest_first.projected(&["id", "project_id", "completed_at", "revision", "touches"]);
    TypedQuery::new(Query::new("expired", vec![projected], Vec::new()), |mut found| {
        let expired = |mut row: Fields| {
            let (session_id, project_id, completed_at) = (row.next()?, row.next()?, row.next()?);
            let version = Version { revision: row.next()?, touches: row.next()? };
            Ok(Expired { session_id, project_id, completed_at, version })
        };
        found.fields()?.into_iter().map(expired).collect()
    })
}

/// Counts what [`expired`] would find without a limit, and the tasks of those sessions.
pub fn expired_counts(ended_by: Timestamp) -> TypedQuery<ExpiredCounts> {
    let sessions = ended(ended_by);
    let tasks = Selection::by_index::<Task>("session").with("session_id", Test::IsKeyOf(Box::new(sessions.clone())));
    let counts = [sessions, tasks].map(|of| Count { of, exact: true });
    TypedQuery::new(Query::new("expired_counts", Vec::new(), counts.into()), |found| {
        Ok(ExpiredCounts { sessions: found.count(0)?, tasks: found.count(1)? })
    })
}
