//! The events: the subject of each exists, what was deleted is gone, and copies of tasks that were deleted are known
//! from them.

use std::collections::HashSet;

use rekindle_core::domain::event::{EventKind, Subject};
use rekindle_core::store::{EventPosition, FindTyped, RecordedEvent, StoreError, queries};
use rekindle_core::values::{SessionId, TaskId};

use crate::check::{Check, PAGE};
use crate::finding::Finding;
use crate::lookup::{known, look_up_all};
use crate::report::Part;
use crate::rule::Rule;

/// The number of existing sessions that are remembered. Events of one session are close to each other.
const REMEMBERED: usize = 50_000;

impl Check<'_> {
    pub(super) async fn events(&mut self) -> Result<(), StoreError> {
        let mut there: HashSet<SessionId> = HashSet::new();
        let mut after: Option<EventPosition> = None;
        loop {
            let events = self.store.events(after.as_ref(), PAGE).await;
            let Some(events) = self.readable(Part::Events, events)? else { break };
            let Some(last) = events.last().map(|last| last.position.clone()) else { break };
            if there.len() > REMEMBERED {
                there.clear();
            }
            self.subjects(&events, after.as_ref(), &mut there).await?;
            self.deleted(&events).await?;
            events.iter().for_each(|event| self.copied(event));
            self.checked.events += events.len() as u64;
            self.progress(Part::Events, self.checked.events, None);
            after = Some(last);
        }
        self.report_orphans().await
    }

    /// Checks that the session of each event exists. Events are deleted with their session, in one commit.
    async fn subjects(
        &mut self,
        events: &[RecordedEvent],
        before: Option<&EventPosition>,
        there: &mut HashSet<SessionId>,
    ) -> Result<(), StoreError> {
        let sessions: HashSet<_> = events.iter().filter_map(|event| event.event.deleted_with_session()).collect();
        let sessions: Vec<_> = sessions.into_iter().filter(|id| !there.contains(id)).collect();
        let store = self.store;
        let mut gone = HashSet::new();
        for (id, answer) in
            look_up_all(sessions, |id| async move { (id, store.read(queries::session(id)).await) }).await
        {
            match known(answer)? {
                Some(Some(_)) | None => there.insert(id),
                Some(None) => gone.insert(id),
            };
        }
        if gone.is_empty() {
            return Ok(());
        }
        // The events are read again after their sessions were found to be gone: those that still exist are orphaned.
        let Some(again) = self.readable(Part::Events, self.store.events(before, PAGE).await)? else { return Ok(()) };
        for RecordedEvent { position, event } in again {
            if let Some(session) = event.deleted_with_session().filter(|session| gone.contains(session)) {
                let (kind, at) = (event.kind.as_str(), &position.0);
                let what = format!("event {at} ({kind}) is of session {session}, which is gone");
                self.found(Finding::of(Rule::EventSubject, &[&session, at], what));
            }
        }
        Ok(())
    }

    /// Checks that what was deleted is gone. Ids are never used twice.
    async fn deleted(&mut self, events: &[RecordedEvent]) -> Result<(), StoreError> {
        let store = self.store;
        let (mut sessions, mut tasks) = (Vec::new(), Vec::new());
        for RecordedEvent { event, .. } in events {
            match (event.kind, &event.subject) {
                (EventKind::SessionDeleted, Subject::Session(id)) => sessions.push(*id),
                (EventKind::TaskDeleted, Subject::Task(id, _)) => tasks.push(*id),
                (
                    _,
                    Subject::Session(_) | Subject::Task(..) | Subject::Machine(_) | Subject::Key(_) | Subject::Service,
                ) => {}
            }
        }
        for (id, answer) in
            look_up_all(sessions, |id| async move { (id, store.read(queries::session(id)).await) }).await
        {
            if let Some(Some(_)) = known(answer)? {
                let what = format!("session {id} is there, and was deleted");
                self.found(Finding::of(Rule::EventSubject, &[&id], what));
            }
        }
        for (id, answer) in look_up_all(tasks, |id| async move { (id, store.read(queries::task(id)).await) }).await {
            if let Some(Some(_)) = known(answer)? {
                let what = format!("task {id} is there, and was deleted");
                self.found(Finding::of(Rule::EventSubject, &[&id], what));
            }
        }
        Ok(())
    }

    /// Clears the suspicion about a task whose copy was recorded. The copy itself may have been deleted since.
    fn copied(&mut self, recorded: &RecordedEvent) {
        if let (EventKind::TaskCreated, Subject::Task(_, session)) = (recorded.event.kind, &recorded.event.subject)
            && let Some(original) = recorded.event.detail.get("copied_from").and_then(|id| id.as_str())
            && let Ok(original) = original.parse::<TaskId>()
        {
            self.left_behind.remove(&(*session, original));
        }
    }
}
