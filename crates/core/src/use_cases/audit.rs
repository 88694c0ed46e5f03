//! The audit trail: who did what, when and from where, and who was not let in. What was done is told by the events of
//! the commits; a refusal is an event that comes alone.

use super::Tracker;
use super::error::Error;
use crate::domain::api_key::Actor;
use crate::domain::event::Event;
use crate::store::{AuditFilter, Changes, CommitError, EventPosition, RecordedEvent};
use crate::values::ProjectId;

impl Tracker {
    /// A tracker that notes in each event on whose behalf it came about.
    #[must_use]
    pub fn with_actor(&self, actor: Actor) -> Self {
        Self { actor: Some(actor), ..self.clone() }
    }

    /// A tracker to which there are only the sessions and tasks of one project.
    #[must_use]
    pub fn with_scope(&self, project: ProjectId) -> Self {
        Self { scope: Some(project), ..self.clone() }
    }

    /// What fits of the audit trail, the latest first, at most `limit`; what comes before a position, or from now on back.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, Error> {
        Ok(self.store.audit_log(filter, before, limit).await?)
    }

    /// Notes what happened beside the commits, such as refused access.
    ///
    /// # Errors
    /// The store's; then none of them was noted, or that is not known.
    pub async fn append_events(&self, events: Vec<Event>) -> Result<(), Error> {
        match self.store.commit(Changes { events, ..Changes::default() }).await {
            Ok(_) => Ok(()),
            Err(CommitError::Failed(fault)) => Err(fault.into()),
            // There is nothing in it that could have changed.
            Err(CommitError::Stale | CommitError::UniqueViolation(_) | CommitError::Fenced) => Err(Error::Contended),
        }
    }
}
