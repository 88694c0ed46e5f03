//! A session's heartbeats: in place where nothing but the time changes, as any other change where more does.

use super::error::Error;
use super::handles::Sessions;
use super::input::HeartbeatReport;
use super::session_changes::{merge_metadata, set_current_task, update_session};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::session::transition::{SessionEvent, Step};
use crate::domain::session::{LiveState, Session};
use crate::store::{Changes, Versioned};
use crate::values::{FieldUpdate, SessionId, TaskLabel};

impl Sessions<'_> {
    /// Records a heartbeat. A stalled session is active again by it.
    ///
    /// # Errors
    /// Fails with [`crate::Rejection::NotFound`], [`crate::Rejection::SessionEnded`],
    /// [`crate::Rejection::SessionConflict`] when another session has become active in a stalled one's place,
    /// [`crate::Rejection::Invalid`] for metadata that grew too large.
    pub async fn record_heartbeat(&self, id: SessionId, report: &HeartbeatReport) -> Result<Versioned<Session>, Error> {
        let engine = self.0;
        let now = engine.clock.now();
        // Within a scope, the session's project is read first.
        if let (Some(label), None) = (fast_path(report), &engine.scope)
            && let Some(row) = engine.refresh(id, label.cloned(), now).await?
        {
            return Ok(row);
        }
        engine
            .decide(move |_| async move {
                let row = engine.load_session(id).await?;
                let mut next = row.value.clone();
                let mut changes = Changes::default();
                match row.value.step(SessionEvent::Heartbeat)? {
                    Step::To(_) => {
                        next.set_live(LiveState::Active);
                        changes.events.push(Event::new(now, EventKind::SessionRevived, Subject::Session(id)));
                    }
                    Step::Same | Step::Illegal | Step::Ended => {}
                }
                set_current_task(&mut next, &report.current_task);
                merge_metadata(&mut next, report.metadata.as_ref())?;
                if next == row.value {
                    return engine.refresh_unchanged(&row, now).await;
                }
                next.last_heartbeat = next.last_heartbeat.max(now);
                Ok(update_session(&row, next, changes, now))
            })
            .await
    }
}

/// Returns the label that the row must already show for the heartbeat to be a mere refresh; none: it cannot be one.
#[expect(clippy::option_option, reason = "the outer level is whether there is a fast path, the inner one the label")]
fn fast_path(report: &HeartbeatReport) -> Option<Option<&TaskLabel>> {
    match (&report.current_task, &report.metadata) {
        (FieldUpdate::Keep, None) => Some(None),
        (FieldUpdate::Set(label), None) => Some(Some(label)),
        (FieldUpdate::Clear, _) | (_, Some(_)) => None,
    }
}
