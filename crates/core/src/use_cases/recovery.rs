//! Recovery: the recovery state of a session, the preparation of its recovery, and the recovery, which happens once.

use super::decide::{Decision, Proposal};
use super::error::Error;
use super::handles::Sessions;
use super::input::SlotRelease;
use super::session_changes::update_session;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::session::Session;
use crate::domain::session::transition::SessionEvent;
use crate::domain::task::{Task, TaskStatus};
use crate::rules::placement::Purpose;
use crate::rules::recovery::{Recovery, recover};
use crate::store::{Changes, FindTyped, Version, Versioned, queries};
use crate::values::SessionId;

/// What a session had done, and what is left of its work.
#[derive(Debug, Clone, PartialEq)]
pub struct RecoveryState {
    /// The session.
    pub session: Versioned<Session>,
    /// The task that was completed last, if any was.
    pub last_successful_task: Option<Versioned<Task>>,
    /// The unfinished and failed tasks, in the order of their creation.
    pub tasks: Vec<Versioned<Task>>,
}

impl RecoveryState {
    /// Returns the tasks in one status; completed ones are not among them.
    pub fn tasks_in(&self, status: TaskStatus) -> impl Iterator<Item = &Versioned<Task>> {
        self.tasks.iter().filter(move |task| task.value.status() == status)
    }
}

/// The result of a recovery.
#[derive(Debug, Clone, PartialEq)]
pub enum Recovered {
    /// This request recovered the session, into this successor.
    Created(Versioned<Session>),
    /// The session had been recovered before, into this successor.
    AlreadyRecovered(Versioned<Session>),
}

impl Sessions<'_> {
    /// Returns what a session had done, and what is left of its work.
    ///
    /// # Errors
    /// Fails with [`crate::Rejection::NotFound`].
    pub async fn recovery_state(&self, id: SessionId) -> Result<RecoveryState, Error> {
        let session = self.0.load_session(id).await?;
        let mut tasks = self.0.store.read(queries::tasks_of(id, &TaskStatus::ALL)).await?;
        // Of tasks completed in the same millisecond, the one created last is taken.
        let last_successful_task = tasks
            .iter()
            .filter(|task| task.value.status() == TaskStatus::Completed)
            .max_by_key(|task| task.value.completed_at())
            .cloned();
        tasks.retain(|task| task.value.status() != TaskStatus::Completed);
        Ok(RecoveryState { session, last_successful_task, tasks })
    }

    /// Records that the recovery of a failed or stalled session is prepared, and frees its slot if requested. A
    /// repetition keeps the first time.
    ///
    /// # Errors
    /// Fails with [`crate::Rejection::NotFound`], [`crate::Rejection::InvalidTransition`].
    pub async fn prepare_recovery(&self, id: SessionId, slot: SlotRelease) -> Result<Versioned<Session>, Error> {
        let engine = self.0;
        let now = engine.clock.now();
        engine
            .decide(move |_| async move {
                let row = engine.load_session(id).await?;
                row.value.step(SessionEvent::PrepareRecovery)?;
                let mut next = row.value.clone();
                next.mark_prepared(now);
                if slot == SlotRelease::Release {
                    next.docker_slot = None;
                }
                if next == row.value {
                    return Ok(Decision::Done(row));
                }
                let mut changes = Changes::default();
                changes.events.push(Event::new(now, EventKind::SessionRecoveryPrepared, Subject::Session(id)));
                Ok(update_session(&row, next, changes, now))
            })
            .await
    }

    /// Recovers a failed or stalled session into a new one. Every repetition returns that same successor, whatever its
    /// status.
    ///
    /// # Errors
    /// Fails with [`crate::Rejection::NotFound`] (also for a successor that was deleted),
    /// [`crate::Rejection::InvalidTransition`], [`crate::Rejection::MachineUnavailable`], [`crate::Rejection::Invalid`]
    /// for a slot that the machine does not have, [`crate::Rejection::SessionConflict`],
    /// [`crate::Rejection::SlotConflict`].
    pub async fn recover(&self, id: SessionId, recovery: &Recovery) -> Result<Recovered, Error> {
        let engine = self.0;
        let now = engine.clock.now();
        let successor_id = SessionId(engine.ids.new_id());
        engine
            .decide(move |_| async move {
                let row = engine.load_session(id).await?;
                if let Some(existing) = row.value.recovered_into() {
                    let successor = engine.load_session(existing).await?;
                    return Ok(Decision::Done(match existing == successor_id {
                        true => Recovered::Created(successor),
                        false => Recovered::AlreadyRecovered(successor),
                    }));
                }
                row.value.step(SessionEvent::Recover)?;
                let given_up_at = row.value.failed_or_stalled_at(engine.policy.stall_threshold);
                let mut changes = Changes::default();
                let (machine, slot) = (&recovery.new_machine_id, recovery.docker_slot);
                engine.check_placement(&mut changes, machine, slot, Purpose::Recovery).await?;
                let carried_over =
                    [TaskStatus::Pending, TaskStatus::InProgress, TaskStatus::Blocked, TaskStatus::Failed];
                let tasks = engine.store.read(queries::tasks_of(id, &carried_over)).await?;
                let mut new_id = || engine.ids.new_id();
                let successor = recover(&mut changes, &row, tasks, recovery, successor_id, &mut new_id, now);
                let answer = Versioned { value: successor.clone(), version: Version::FIRST };
                Ok(Decision::Commit(Box::new(Proposal {
                    changes,
                    answer: Recovered::Created(answer),
                    placed: Some(successor),
                    recovered_after: given_up_at.map(|at| now.since(at)),
                })))
            })
            .await
    }
}
