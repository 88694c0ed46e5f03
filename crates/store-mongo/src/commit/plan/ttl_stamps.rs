//! The tasks of an ended session carry the time of its end, for the TTL index of tasks, until the session is archived.

use std::collections::BTreeSet;

use bson::doc;
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::Task;
use rekindle_core::store::{Changes, CommitError, Write};
use rekindle_core::values::{SessionId, Timestamp};

use super::batch::{Expectation, StatementKind};
use super::{Plan, Step};
use crate::documents::date;
use crate::indexes::name;

impl Plan {
    /// Stamps the existing tasks of sessions that have ended.
    pub(super) fn stamp_tasks(&mut self, changes: &Changes) -> Result<(), CommitError> {
        let mut restored = BTreeSet::new();
        for write in &changes.writes {
            let (value, is_restored) = match write {
                Write::Put(put) => (&put.value, false),
                Write::Restore(row) => (&row.value, true),
                Write::Touch(..) | Write::Delete(..) => continue,
            };
            if let Some(session) = value.downcast_ref::<Session>() {
                self.stamp_tasks_of(session)?;
            }
            if let Some(task) = value.downcast_ref::<Task>().filter(|_| is_restored) {
                restored.insert(task.session_id);
            }
        }
        // Their sessions may have been restored by an earlier commit.
        if !restored.is_empty() {
            self.steps.push(Step::StampTasks(restored.into_iter().collect()));
        }
        Ok(())
    }

    fn stamp_tasks_of(&mut self, session: &Session) -> Result<(), CommitError> {
        session.completed_at().map_or(Ok(()), |at| self.stamp_tasks_of_session(session.id, at, session.archived_at()))
    }

    /// Stamps the tasks of one session.
    pub(crate) fn stamp_tasks_of_session(
        &mut self,
        session: SessionId,
        ended_at: Timestamp,
        archived_at: Option<Timestamp>,
    ) -> Result<(), CommitError> {
        let update = match archived_at {
            None => doc! { "$set": { "session_ended_at": date(ended_at) } },
            Some(_) => doc! { "$unset": { "session_ended_at": "" } },
        };
        let filter = doc! { "session_id": session.to_string() };
        let statement = doc! { "q": filter, "u": update, "multi": true, "hint": name::SESSION_AND_STATUS };
        self.add(StatementKind::Update, "tasks", Expectation::Any, &statement)
    }
}
