//! A session's heartbeats: in one step where nothing but the time changes, as any other change where more does.

use super::error::Error;
use super::sessions::{merge_metadata, set_current_task};
use super::{HeartbeatReport, RetryBudget, Tracker};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::session::transition::{SessionEvent, Step};
use crate::domain::session::{LiveState, Session};
use crate::store::{Changes, SessionHeartbeat, StoreError, Versioned};
use crate::values::{FieldUpdate, SessionId, TaskLabel, Timestamp};

impl Tracker {
    /// Takes a heartbeat. A stalled session comes back to life by it.
    ///
    /// # Errors
    /// [`crate::Rejection::NotFound`], [`crate::Rejection::SessionEnded`], [`crate::Rejection::SessionConflict`] when another
    /// session has become active in a stalled one's place, [`crate::Rejection::Invalid`] for metadata that grew too large.
    pub async fn record_heartbeat(&self, id: SessionId, report: &HeartbeatReport) -> Result<Versioned<Session>, Error> {
        let now = self.clock.now();
        // Whose session it is must be seen first, when not every one is there for this tracker.
        if let (Some(label), None) = (fast_path(report), &self.scope)
            && let Some(row) = self.refresh(id, label.cloned(), now).await?
        {
            return Ok(row);
        }
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let row = self.load(id).await?;
                let mut next = row.value.clone();
                let mut changes = Changes::default();
                match row.value.step(SessionEvent::Beat)? {
                    Step::To(_) => {
                        next.set_live(LiveState::Active);
                        changes.events.push(Event::new(now, EventKind::SessionRevived, Subject::Session(id)));
                    }
                    Step::Same | Step::Illegal | Step::Ended => {}
                }
                set_current_task(&mut next, &report.current_task);
                merge_metadata(&mut next, report.metadata.as_ref())?;
                if next == row.value {
                    match self.refresh(id, None, now).await? {
                        Some(refreshed) if refreshed.version.revision == row.version.revision => return Ok(refreshed),
                        // Somebody changed it in between: what it shows may not be what this beat reported.
                        Some(_) | None => continue,
                    }
                }
                next.last_heartbeat = next.last_heartbeat.max(now);
                if let Some(session) = self.put(&mut attempts, &row, next, changes, now).await? {
                    return Ok(session);
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    /// Moves `last_heartbeat` in place, if the session is in a state that allows it.
    pub(super) async fn refresh(
        &self,
        session: SessionId,
        current_task: Option<TaskLabel>,
        at: Timestamp,
    ) -> Result<Option<Versioned<Session>>, StoreError> {
        self.store.record_heartbeat(SessionHeartbeat { session, at, current_task }).await
    }
}

/// The label that a beat demands to find, if the beat can be a mere refresh at all.
#[expect(clippy::option_option, reason = "the outer level is whether there is a fast path, the inner one the label")]
fn fast_path(report: &HeartbeatReport) -> Option<Option<&TaskLabel>> {
    match (&report.current_task, &report.metadata) {
        (FieldUpdate::Keep, None) => Some(None),
        (FieldUpdate::Set(label), None) => Some(Some(label)),
        (FieldUpdate::Clear, _) | (_, Some(_)) => None,
    }
}
