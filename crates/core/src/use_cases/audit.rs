//! The audit log: who did what, when and from where, and who was denied access. The events of the commits record what
//! was done; a denial is an event of its own.

use super::error::Error;
use super::tracker::Tracker;
use crate::domain::event::Event;
use crate::store::{AuditFilter, Changes, EventPosition, RecordedEvent};

impl Tracker {
    /// Returns the matching events of the audit log, the latest first, at most `limit`: those before a position, or
    /// from the latest one on.
    ///
    /// # Errors
    /// Fails only if the store fails.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, Error> {
        Ok(self.engine.store.audit_log(filter, before, limit).await?)
    }

    /// Appends events that no commit caused, such as denied access.
    ///
    /// # Errors
    /// Fails if the store fails: then none of them was appended, unless the outcome is unknown.
    pub async fn append_events(&self, events: Vec<Event>) -> Result<(), Error> {
        self.engine.append(Changes { events, ..Changes::default() }).await
    }
}
