//! Recovery: what a session had done, preparing to bring it back, and bringing it back exactly once.

use super::error::Error;
use super::{CommitOutcome, Reply, RetryBudget, SlotRelease, Tracker};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::session::Session;
use crate::domain::session::transition::SessionEvent;
use crate::domain::task::{Task, TaskStatus};
use crate::rules::next_update;
use crate::rules::placement::Purpose;
use crate::rules::recovery::{Recovery, recover};
use crate::store::{Changes, Version, Versioned};
use crate::values::SessionId;

/// What a session had done, and what is left.
#[derive(Debug, Clone, PartialEq)]
pub struct RecoveryState {
    /// The session.
    pub session: Versioned<Session>,
    /// The task that was completed last.
    pub last_successful_task: Option<Versioned<Task>>,
    /// The unfinished and failed tasks, in the order in which they were recorded.
    pub tasks: Vec<Versioned<Task>>,
}

impl RecoveryState {
    /// The tasks in one status.
    pub fn tasks_in(&self, status: TaskStatus) -> impl Iterator<Item = &Versioned<Task>> {
        self.tasks.iter().filter(move |task| task.value.status() == status)
    }
}

/// What became of a recovery.
#[derive(Debug, Clone, PartialEq)]
pub enum Recovered {
    /// The session was brought back now.
    Created(Versioned<Session>),
    /// It had been brought back before: the one successor.
    AlreadyRecovered(Versioned<Session>),
}

impl Tracker {
    /// What a session had done, and what is left.
    ///
    /// # Errors
    /// [`crate::Rejection::NotFound`].
    pub async fn recovery_state(&self, id: SessionId) -> Result<RecoveryState, Error> {
        let session = self.load(id).await?;
        let mut tasks = self.store.tasks_of(id, &TaskStatus::ALL).await?;
        // Among those completed in the same millisecond the one recorded last.
        let last_successful_task = tasks
            .iter()
            .filter(|task| task.value.status() == TaskStatus::Completed)
            .max_by_key(|task| task.value.completed_at())
            .cloned();
        tasks.retain(|task| task.value.status() != TaskStatus::Completed);
        Ok(RecoveryState { session, last_successful_task, tasks })
    }

    /// Notes that somebody begins to recover a failed or stalled session, and frees its slot if asked to. Again: the
    /// first time stands.
    ///
    /// # Errors
    /// [`crate::Rejection::NotFound`], [`crate::Rejection::InvalidTransition`].
    pub async fn prepare_recovery(&self, id: SessionId, slot: SlotRelease) -> Result<Versioned<Session>, Error> {
        let now = self.clock.now();
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let row = self.load(id).await?;
                row.value.step(SessionEvent::PrepareRecovery)?;
                let mut next = row.value.clone();
                next.mark_prepared(now);
                if slot == SlotRelease::Release {
                    next.docker_slot = None;
                }
                if next == row.value {
                    return Ok(row);
                }
                next.updated_at = next_update(row.value.updated_at, now);
                let mut changes = Changes::default();
                changes.update(next.clone(), row.version);
                changes.events.push(Event::new(now, EventKind::SessionRecoveryPrepared, Subject::Session(id)));
                let next = Versioned { value: next, version: row.version.after_put() };
                match self.commit(&mut attempts, changes, Some(Reply::Session(&next))).await? {
                    CommitOutcome::Done(_) => return Ok(next),
                    CommitOutcome::Stale | CommitOutcome::Taken(_) => {}
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }

    /// Brings a failed or stalled session back as a new one; once that has happened, answers that one to everybody
    /// who asks again, whatever has become of it.
    ///
    /// # Errors
    /// [`crate::Rejection::NotFound`] (also for a successor that was deleted), [`crate::Rejection::InvalidTransition`],
    /// [`crate::Rejection::MachineUnavailable`], [`crate::Rejection::Invalid`] for a slot that the machine does not have,
    /// [`crate::Rejection::SessionConflict`], [`crate::Rejection::SlotConflict`].
    pub async fn recover(&self, id: SessionId, recovery: &Recovery) -> Result<Recovered, Error> {
        let now = self.clock.now();
        let successor_id = SessionId(self.ids.new_id());
        let mut attempts = RetryBudget::default();
        let outcome = async {
            loop {
                attempts.next()?;
                let row = self.load(id).await?;
                if let Some(existing) = row.value.recovered_into() {
                    let successor = self.load(existing).await?;
                    let ours = existing == successor_id;
                    return Ok(if ours {
                        Recovered::Created(successor)
                    } else {
                        Recovered::AlreadyRecovered(successor)
                    });
                }
                row.value.step(SessionEvent::Recover)?;
                let given_up_at = row.value.failed_or_stalled_at(self.policy.stall_threshold);
                let mut changes = Changes::default();
                self.check_placement(&mut changes, &recovery.new_machine_id, recovery.docker_slot, Purpose::Recovery)
                    .await?;
                let left = [TaskStatus::Pending, TaskStatus::InProgress, TaskStatus::Blocked, TaskStatus::Failed];
                let tasks = self.store.tasks_of(id, &left).await?;
                let mut fresh = || self.ids.new_id();
                let successor = recover(&mut changes, &row, tasks, recovery, successor_id, &mut fresh, now);
                let made = Versioned { value: successor.clone(), version: Version::FIRST };
                let recovered = Recovered::Created(made);
                match self.commit(&mut attempts, changes, Some(Reply::Recovered(&recovered))).await? {
                    CommitOutcome::Done(_) => {
                        if let (Some(listener), Some(at)) = (&self.observer, given_up_at) {
                            listener.recovered(now.since(at));
                        }
                        return Ok(recovered);
                    }
                    CommitOutcome::Stale => {}
                    CommitOutcome::Taken(rule) => {
                        if let Some(refusal) = self.find_conflict(rule, &successor).await? {
                            return Err(refusal.into());
                        }
                    }
                }
            }
        };
        let outcome = outcome.await;
        attempts.mark_unknown_if_written(outcome)
    }
}
