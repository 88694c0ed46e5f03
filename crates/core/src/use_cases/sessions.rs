//! Sessions: create, read, change, archive, delete. Their heartbeats are in `heartbeats`.

use super::error::Error;
use super::{
    CommitOutcome, IfMatch, NewSession, Reply, RetryBudget, SessionPatch, SessionTarget, Tracker, merge_patch,
};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::rejection::Rejection;
use crate::domain::session::transition::{SessionEvent, Step, step};
use crate::domain::session::{Lineage, Live, LiveState, Outcome, Phase, Session};
use crate::domain::task::TaskStatus;
use crate::rules::next_update;
use crate::rules::placement::{Purpose, check_available};
use crate::rules::termination::end;
use crate::store::{Changes, LiveSession, Page, PageRequest, SessionFilter, StoreError, Version, Versioned, Write};
use crate::values::{ErrorMessage, FieldUpdate, MachineId, MetadataPatch, SessionId, Slot, TaskLabel, Timestamp};

impl Tracker {
    /// Records a session, active from now on.
    ///
    /// # Errors
    /// [`Rejection::SessionConflict`], [`Rejection::SlotConflict`], and on a registered machine [`Rejection::Invalid`] for a
    /// slot that it does not have or [`Rejection::MachineUnavailable`].
    pub async fn create_session(&self, new: NewSession) -> Result<Versioned<Session>, Error> {
        self.ensure_in_scope(&new.project_id)?;
        let now = self.clock.now();
        let made = Versioned { value: new_session(SessionId(self.ids.new_id()), new, now), version: Version::FIRST };
        let session = &made.value;
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                if attempts.outcome_may_be_ours()
                    && let Some(made) = self.store.session(session.id).await?
                {
                    return Ok(made);
                }
                let mut changes = Changes::default();
                self.check_placement(&mut changes, &session.machine_id, session.docker_slot, Purpose::NewSession)
                    .await?;
                changes.insert(session.clone());
                changes.events.push(
                    Event::new(now, EventKind::SessionCreated, Subject::Session(session.id))
                        .with("project_id", session.project_id.as_str())
                        .with("machine_id", session.machine_id.as_str()),
                );
                match self.commit(&mut attempts, changes, Some(Reply::Session(&made))).await? {
                    CommitOutcome::Done(_) => return Ok(made.clone()),
                    CommitOutcome::Stale => {}
                    CommitOutcome::Taken(rule) => {
                        if let Some(refusal) = self.find_conflict(rule, session).await? {
                            return Err(refusal.into());
                        }
                    }
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    /// Checks that a machine may take a session, and notes that this was decided on it. A machine that nobody
    /// registered takes anything.
    pub(super) async fn check_placement(
        &self,
        changes: &mut Changes,
        machine: &MachineId,
        slot: Option<Slot>,
        purpose: Purpose,
    ) -> Result<(), Error> {
        if let Some(row) = self.store.machine(machine).await? {
            check_available(&row.value, slot, purpose)?;
            changes.writes.push(Write::TouchMachine(machine.clone(), row.version.revision));
        }
        Ok(())
    }

    /// One session.
    ///
    /// # Errors
    /// [`Rejection::NotFound`].
    pub async fn session(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        self.load(id).await
    }

    /// A page of sessions, newest first.
    ///
    /// # Errors
    /// [`Rejection::OtherProject`] for a tracker that is bound to one, and the store's.
    pub async fn sessions(&self, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>, Error> {
        let project_id = self.project_of(filter.project_id.as_ref())?;
        Ok(self.store.sessions(&SessionFilter { project_id, ..filter.clone() }, page).await?)
    }

    /// The live sessions on these machines.
    pub(super) async fn live_sessions_on(&self, machines: &[MachineId]) -> Result<Vec<LiveSession>, StoreError> {
        if machines.is_empty() { Ok(Vec::new()) } else { self.store.live_sessions(machines).await }
    }

    /// Commits a changed session; none: look again.
    pub(super) async fn put(
        &self,
        attempts: &mut RetryBudget,
        row: &Versioned<Session>,
        mut next: Session,
        mut changes: Changes,
        now: Timestamp,
    ) -> Result<Option<Versioned<Session>>, Error> {
        next.updated_at = next_update(row.value.updated_at, now);
        changes.update(next.clone(), row.version);
        let next = Versioned { value: next, version: row.version.after_put() };
        match self.commit(attempts, changes, Some(Reply::Session(&next))).await? {
            CommitOutcome::Done(_) => Ok(Some(next)),
            CommitOutcome::Stale => Ok(None),
            CommitOutcome::Taken(rule) => match self.find_conflict(rule, &next.value).await? {
                Some(refusal) => Err(refusal.into()),
                None => Ok(None),
            },
        }
    }

    /// Changes a session. A patch that changes nothing leaves the revision alone.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::InvalidTransition`], [`Rejection::SessionEnded`]
    /// for a current task, [`Rejection::SessionConflict`] on the way to active, [`Rejection::Invalid`] for metadata that
    /// grew too large.
    pub async fn update_session(&self, id: SessionId, patch: &SessionPatch) -> Result<Versioned<Session>, Error> {
        self.change_session(id, patch, OnRepeat::Apply).await
    }

    /// Marks a session as failed; one that has failed already is left as it is.
    ///
    /// # Errors
    /// As [`Tracker::update_session`].
    pub async fn mark_failed(
        &self,
        id: SessionId,
        error_message: ErrorMessage,
        metadata: Option<MetadataPatch>,
    ) -> Result<Versioned<Session>, Error> {
        let status = Some(SessionTarget::Failed(error_message));
        let patch = SessionPatch { status, metadata, ..SessionPatch::default() };
        self.change_session(id, &patch, OnRepeat::Leave).await
    }

    /// Marks a session as stalled; one that is stalled already is left as it is.
    ///
    /// # Errors
    /// As [`Tracker::update_session`].
    pub async fn mark_stalled(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        let patch = SessionPatch { status: Some(SessionTarget::Stalled), ..SessionPatch::default() };
        self.change_session(id, &patch, OnRepeat::Leave).await
    }

    async fn change_session(
        &self,
        id: SessionId,
        patch: &SessionPatch,
        on_repeat: OnRepeat,
    ) -> Result<Versioned<Session>, Error> {
        let now = self.clock.now();
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let row = self.load(id).await?;
                if attempts.outcome_may_be_ours() && shows_patch(patch, &row.value)? {
                    // What was asked for is there: our own earlier attempt did it, or another that is as good.
                    return Ok(row);
                }
                IfMatch::check(patch.if_match.as_ref(), row.version)?;
                let moved = match &patch.status {
                    Some(target) => row.value.step(target.event())?,
                    None => Step::Same,
                };
                if (moved, on_repeat) == (Step::Same, OnRepeat::Leave) {
                    return Ok(row);
                }
                if patch.current_task != FieldUpdate::Keep && !row.value.status().is_live() {
                    return Err(row.value.ended_rejection().into());
                }
                let mut next = row.value.clone();
                set_current_task(&mut next, &patch.current_task);
                merge_metadata(&mut next, patch.metadata.as_ref())?;
                let mut changes = Changes::default();
                if let (Step::To(_), Some(target)) = (moved, &patch.status) {
                    if let Some(outcome) = target.outcome() {
                        let tasks = self.store.tasks_of(id, &[TaskStatus::InProgress]).await?;
                        let value = end(&mut changes, &row, next, tasks, outcome, now);
                        let ended = Versioned { value, version: row.version.after_put() };
                        match self.commit(&mut attempts, changes, Some(Reply::Session(&ended))).await? {
                            CommitOutcome::Done(_) => return Ok(ended),
                            CommitOutcome::Stale | CommitOutcome::Taken(_) => continue,
                        }
                    }
                    let (state, kind) = target.live_state(row.value.status());
                    next.set_live(state);
                    changes.events.push(Event::new(now, kind, Subject::Session(id)));
                } else if next != row.value {
                    changes.events.push(Event::new(now, EventKind::SessionUpdated, Subject::Session(id)));
                }
                let alive = patch.status == Some(SessionTarget::Active);
                if next == row.value {
                    if !alive {
                        return Ok(row);
                    }
                    match self.refresh(id, None, now).await? {
                        Some(refreshed) if refreshed.version.revision == row.version.revision => return Ok(refreshed),
                        Some(_) | None => continue,
                    }
                }
                if alive {
                    next.last_heartbeat = next.last_heartbeat.max(now);
                }
                if let Some(session) = self.put(&mut attempts, &row, next, changes, now).await? {
                    return Ok(session);
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    /// Puts an ended session beyond the reach of retention; again: unchanged.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::InvalidTransition`].
    pub async fn archive(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        let now = self.clock.now();
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let row = self.load(id).await?;
                row.value.step(SessionEvent::Archive)?;
                if row.value.archived_at().is_some() {
                    return Ok(row);
                }
                let mut next = row.value.clone();
                next.mark_archived(now);
                let mut changes = Changes::default();
                changes.events.push(Event::new(now, EventKind::SessionArchived, Subject::Session(id)));
                if let Some(session) = self.put(&mut attempts, &row, next, changes, now).await? {
                    return Ok(session);
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    /// Deletes a session with its tasks.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::RevisionMismatch`].
    pub async fn delete_session(&self, id: SessionId, if_match: Option<&IfMatch>) -> Result<(), Error> {
        let now = self.clock.now();
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let row = match self.load(id).await {
                    Err(Error::Rejected(Rejection::NotFound { .. })) if attempts.outcome_may_be_ours() => return Ok(()),
                    found => found?,
                };
                IfMatch::check(if_match, row.version)?;
                let mut changes = Changes::default();
                changes.writes.push(Write::DeleteSession(id, row.version));
                changes.events.push(
                    Event::new(now, EventKind::SessionDeleted, Subject::Session(id))
                        .with("project_id", row.value.project_id.as_str())
                        .with("machine_id", row.value.machine_id.as_str()),
                );
                match self.commit(&mut attempts, changes, None).await? {
                    CommitOutcome::Done(_) => return Ok(()),
                    CommitOutcome::Stale | CommitOutcome::Taken(_) => {}
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }
}

/// What a request does to a session that is already where it asks it to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnRepeat {
    /// The rest of the request still applies.
    Apply,
    /// Nothing.
    Leave,
}

impl SessionTarget {
    const fn event(&self) -> SessionEvent {
        match self {
            Self::Active => SessionEvent::Activate,
            Self::Paused => SessionEvent::Pause,
            Self::Stalled => SessionEvent::Stall,
            Self::Completed => SessionEvent::Complete,
            Self::Failed(_) => SessionEvent::Fail,
        }
    }

    fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Active | Self::Paused | Self::Stalled => None,
            Self::Completed => Some(Outcome::Completed),
            Self::Failed(error_message) => Some(Outcome::failed(error_message.clone())),
        }
    }

    /// The live state that a target which does not end the session leads to, and what to call that.
    const fn live_state(&self, from: crate::domain::session::SessionStatus) -> (LiveState, EventKind) {
        match (self, from) {
            (Self::Paused, _) => (LiveState::Paused, EventKind::SessionPaused),
            (Self::Stalled, _) => (LiveState::Stalled { prepared_at: None }, EventKind::SessionStalled),
            (_, crate::domain::session::SessionStatus::Stalled) => (LiveState::Active, EventKind::SessionRevived),
            (_, _) => (LiveState::Active, EventKind::SessionResumed),
        }
    }
}

/// Whether a session shows all that a patch asks for.
fn shows_patch(patch: &SessionPatch, session: &Session) -> Result<bool, Rejection> {
    let there = match &patch.status {
        Some(target) => step(session.status(), target.event()) == Step::Same,
        None => true,
    };
    let mut next = session.clone();
    set_current_task(&mut next, &patch.current_task);
    merge_metadata(&mut next, patch.metadata.as_ref())?;
    Ok(there && next == *session)
}

fn new_session(id: SessionId, new: NewSession, now: Timestamp) -> Session {
    Session {
        id,
        project_id: new.project_id,
        machine_id: new.machine_id,
        docker_slot: new.docker_slot,
        phase: Phase::Live(Live { state: LiveState::Active, current_task: None }),
        last_heartbeat: now,
        started_at: now,
        metadata: new.metadata,
        lineage: Lineage { id, attempt: 1, recovered_from: None },
        created_at: now,
        updated_at: now,
    }
}

pub(super) fn set_current_task(session: &mut Session, change: &FieldUpdate<TaskLabel>) {
    if let Phase::Live(live) = &mut session.phase {
        match change {
            FieldUpdate::Keep => {}
            FieldUpdate::Clear => live.current_task = None,
            FieldUpdate::Set(label) => live.current_task = Some(label.clone()),
        }
    }
}

pub(super) fn merge_metadata(session: &mut Session, patch: Option<&MetadataPatch>) -> Result<(), Rejection> {
    if let Some(patch) = patch {
        session.metadata = merge_patch(&session.metadata, patch)?;
    }
    Ok(())
}
