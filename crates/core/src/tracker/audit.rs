//! The audit trail: who did what, when and from where, and who was not let in. What was done is told by the events of
//! the commits; a refusal is an event that comes alone.

use super::Tracker;
use crate::access::Actor;
use crate::error::Error;
use crate::event::Event;
use crate::store::{Changes, CommitError, EventPosition, RecordedEvent, TrailFilter};
use crate::values::ProjectId;

impl Tracker {
    /// A tracker that notes in each event on whose behalf it came about.
    #[must_use]
    pub fn acting_for(&self, actor: Actor) -> Self {
        Self { actor: Some(actor), ..self.clone() }
    }

    /// A tracker to which there are only the sessions and tasks of one project.
    #[must_use]
    pub fn within(&self, project: ProjectId) -> Self {
        Self { scope: Some(project), ..self.clone() }
    }

    /// What fits of the audit trail, the latest first, at most `limit`; what comes before a position, or from now on back.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn trail(
        &self,
        filter: &TrailFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, Error> {
        Ok(self.store.trail(filter, before, limit).await?)
    }

    /// Notes what happened beside the commits, such as refused access.
    ///
    /// # Errors
    /// The store's; then none of them was noted, or that is not known.
    pub async fn note(&self, events: Vec<Event>) -> Result<(), Error> {
        match self.store.commit(Changes { events, ..Changes::default() }).await {
            Ok(_) => Ok(()),
            Err(CommitError::Failed(fault)) => Err(fault.into()),
            // There is nothing in it that could have changed.
            Err(CommitError::Stale | CommitError::Taken(_) | CommitError::Fenced) => Err(Error::Contended),
        }
    }
}
