//! Sessions: create, read, change, archive, delete. Their heartbeats are in `heartbeats`, their recovery in `recovery`.

use super::decide::Decision;
use super::error::Error;
use super::handles::Sessions;
use super::input::{IfMatch, NewSession, SessionPatch, SessionTarget};
use super::session_changes::{merge_metadata, set_current_task, update_session};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::rejection::Rejection;
use crate::domain::session::transition::{SessionEvent, Step, step};
use crate::domain::session::{Lineage, Live, LiveState, Outcome, Phase, Session, SessionStatus};
use crate::domain::task::TaskStatus;
use crate::rules::placement::Purpose;
use crate::rules::termination::end;
use crate::store::{Changes, FindTyped, Page, PageRequest, SessionFilter, Version, Versioned, Write, queries};
use crate::values::{ErrorMessage, FieldUpdate, MetadataPatch, SessionId, Timestamp};

impl Sessions<'_> {
    /// Creates a session, which is active.
    ///
    /// # Errors
    /// Fails with [`Rejection::SessionConflict`], [`Rejection::SlotConflict`], and on a registered machine
    /// [`Rejection::Invalid`] for a slot that it does not have or [`Rejection::MachineUnavailable`].
    pub async fn create(&self, new: NewSession) -> Result<Versioned<Session>, Error> {
        let engine = self.0;
        engine.ensure_in_scope(&new.project_id)?;
        let now = engine.clock.now();
        let session = &new_session(SessionId(engine.ids.new_id()), new, now);
        engine
            .decide(move |attempt| async move {
                if attempt.outcome_may_be_ours
                    && let Some(created) = engine.store.read(queries::session(session.id)).await?
                {
                    return Ok(Decision::Done(created));
                }
                let mut changes = Changes::default();
                let (machine, slot) = (&session.machine_id, session.docker_slot);
                engine.check_placement(&mut changes, machine, slot, Purpose::NewSession).await?;
                changes.insert(session.clone());
                changes.events.push(
                    Event::new(now, EventKind::SessionCreated, Subject::Session(session.id))
                        .with("project_id", session.project_id.as_str())
                        .with("machine_id", machine.as_str()),
                );
                let answer = Versioned { value: session.clone(), version: Version::FIRST };
                Ok(Decision::place(changes, answer, session.clone()))
            })
            .await
    }

    /// Returns one session.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`].
    pub async fn get(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        self.0.load_session(id).await
    }

    /// Returns a page of sessions, newest first.
    ///
    /// # Errors
    /// Fails with [`Rejection::OtherProject`] for a tracker that is limited to another project, or if the store fails.
    pub async fn list(&self, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>, Error> {
        let project_id = self.0.project_filter(filter.project_id.as_ref())?;
        Ok(self.0.store.read(queries::sessions(&SessionFilter { project_id, ..filter.clone() }, page)).await?)
    }

    /// Changes a session. A patch that changes nothing leaves the revision as it is.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::InvalidTransition`],
    /// [`Rejection::SessionEnded`] for a current task, [`Rejection::SessionConflict`] on the way to active,
    /// [`Rejection::Invalid`] for metadata that grew too large.
    pub async fn update(&self, id: SessionId, patch: &SessionPatch) -> Result<Versioned<Session>, Error> {
        self.change(id, patch, OnRepeat::Apply).await
    }

    /// Marks a session as failed; one that has failed already is left as it is.
    ///
    /// # Errors
    /// Fails like [`Self::update`].
    pub async fn mark_failed(
        &self,
        id: SessionId,
        error_message: ErrorMessage,
        metadata: Option<MetadataPatch>,
    ) -> Result<Versioned<Session>, Error> {
        let status = Some(SessionTarget::Failed(error_message));
        let patch = SessionPatch { status, metadata, ..SessionPatch::default() };
        self.change(id, &patch, OnRepeat::Leave).await
    }

    /// Marks a session as stalled; one that is stalled already is left as it is.
    ///
    /// # Errors
    /// Fails like [`Self::update`].
    pub async fn mark_stalled(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        let patch = SessionPatch { status: Some(SessionTarget::Stalled), ..SessionPatch::default() };
        self.change(id, &patch, OnRepeat::Leave).await
    }

    async fn change(
        &self,
        id: SessionId,
        patch: &SessionPatch,
        on_repeat: OnRepeat,
    ) -> Result<Versioned<Session>, Error> {
        let engine = self.0;
        let now = engine.clock.now();
        engine
            .decide(move |attempt| async move {
                let row = engine.load_session(id).await?;
                if attempt.outcome_may_be_ours && shows_patch(patch, &row.value)? {
                    // An earlier attempt did it, or another request with the same effect.
                    return Ok(Decision::Done(row));
                }
                IfMatch::check(patch.if_match.as_ref(), row.version)?;
                let moved = match &patch.status {
                    Some(target) => row.value.step(target.event())?,
                    None => Step::Same,
                };
                if (moved, on_repeat) == (Step::Same, OnRepeat::Leave) {
                    return Ok(Decision::Done(row));
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
                        let tasks = engine.store.read(queries::tasks_of(id, &[TaskStatus::InProgress])).await?;
                        let value = end(&mut changes, &row, next, tasks, outcome, now);
                        let ended = Versioned { value, version: row.version.after_put() };
                        return Ok(Decision::commit(changes, ended));
                    }
                    let (state, kind) = target.live_state(row.value.status());
                    next.set_live(state);
                    changes.events.push(Event::new(now, kind, Subject::Session(id)));
                } else if next != row.value {
                    changes.events.push(Event::new(now, EventKind::SessionUpdated, Subject::Session(id)));
                }
                let counts_as_heartbeat = patch.status == Some(SessionTarget::Active);
                match (next == row.value, counts_as_heartbeat) {
                    (true, true) => return engine.refresh_unchanged(&row, now).await,
                    (true, false) => return Ok(Decision::Done(row)),
                    (false, true) => next.last_heartbeat = next.last_heartbeat.max(now),
                    (false, false) => {}
                }
                Ok(update_session(&row, next, changes, now))
            })
            .await
    }

    /// Archives an ended session, so that retention does not delete it; a repetition changes nothing.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`], [`Rejection::InvalidTransition`].
    pub async fn archive(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        let engine = self.0;
        let now = engine.clock.now();
        engine
            .decide(move |_| async move {
                let row = engine.load_session(id).await?;
                row.value.step(SessionEvent::Archive)?;
                if row.value.archived_at().is_some() {
                    return Ok(Decision::Done(row));
                }
                let mut next = row.value.clone();
                next.mark_archived(now);
                let mut changes = Changes::default();
                changes.events.push(Event::new(now, EventKind::SessionArchived, Subject::Session(id)));
                Ok(update_session(&row, next, changes, now))
            })
            .await
    }

    /// Deletes a session with its tasks.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`], [`Rejection::RevisionMismatch`].
    pub async fn delete(&self, id: SessionId, if_match: Option<&IfMatch>) -> Result<(), Error> {
        let engine = self.0;
        let now = engine.clock.now();
        engine
            .decide(move |attempt| async move {
                let row = match engine.load_session(id).await {
                    Err(Error::Rejected(Rejection::NotFound { .. })) if attempt.outcome_may_be_ours => {
                        return Ok(Decision::Done(()));
                    }
                    found => found?,
                };
                IfMatch::check(if_match, row.version)?;
                let mut changes = Changes::default();
                changes.writes.push(Write::delete::<Session>(id, row.version));
                changes.events.push(
                    Event::new(now, EventKind::SessionDeleted, Subject::Session(id))
                        .with("project_id", row.value.project_id.as_str())
                        .with("machine_id", row.value.machine_id.as_str()),
                );
                Ok(Decision::commit(changes, ()))
            })
            .await
    }
}

/// What a request does to a session that already has the requested status.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnRepeat {
    /// The rest of the request still applies.
    Apply,
    /// Nothing of the request applies.
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

    /// Returns the live state that a target leads to, and the kind of its event. Not for targets that end the session.
    const fn live_state(&self, from: SessionStatus) -> (LiveState, EventKind) {
        match (self, from) {
            (Self::Paused, _) => (LiveState::Paused, EventKind::SessionPaused),
            (Self::Stalled, _) => (LiveState::Stalled { prepared_at: None }, EventKind::SessionStalled),
            (_, SessionStatus::Stalled) => (LiveState::Active, EventKind::SessionRevived),
            (_, _) => (LiveState::Active, EventKind::SessionResumed),
        }
    }
}

/// Returns whether a session already has all that a patch requests.
fn shows_patch(patch: &SessionPatch, session: &Session) -> Result<bool, Rejection> {
    let has_status = match &patch.status {
        Some(target) => step(session.status(), target.event()) == Step::Same,
        None => true,
    };
    let mut next = session.clone();
    set_current_task(&mut next, &patch.current_task);
    merge_metadata(&mut next, patch.metadata.as_ref())?;
    Ok(has_status && next == *session)
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
