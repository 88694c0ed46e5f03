//! Load → decide → commit, in one place: how often a use case starts over, what an unknown outcome means, what every
//! commit carries (the fence, the actor of its events, the response to an idempotent request), and who is notified.
//!
//! No other file of the use cases commits to the store, so that none can forget one of these.

use std::any::Any;
use std::future::Future;
use std::time::Duration;

use super::engine::Engine;
use super::error::Error;
use crate::domain::rejection::Rejection;
use crate::domain::session::Session;
use crate::store::{Changes, CommitError, Committed, FindTyped, StoreError, UniqueRule, queries};

/// The most attempts of a use case whose rows other requests keep changing.
const MAX_ATTEMPTS: u32 = 128;
/// How often a write is repeated after an unknown outcome.
const MAX_UNKNOWN_RETRIES: u32 = 2;

/// The decision of one attempt of a use case, with the result of the use case.
pub(super) enum Decision<T> {
    /// Nothing is to be written.
    Done(T),
    /// These changes are to be written.
    Commit(Box<Proposal<T>>),
    /// A row changed between two reads.
    Retry,
}

/// Changes to be written, and the result of the use case once they are.
pub(super) struct Proposal<T> {
    pub(super) changes: Changes,
    pub(super) answer: T,
    /// The session that the changes place, which a unique rule may reject.
    pub(super) placed: Option<Session>,
    /// For a recovery, the time from the failure or deadline of the session.
    pub(super) recovered_after: Option<Duration>,
}

impl<T> Decision<T> {
    /// Decides to write these changes.
    pub(super) fn commit(changes: Changes, answer: T) -> Self {
        Self::Commit(Box::new(Proposal { changes, answer, placed: None, recovered_after: None }))
    }

    /// Returns the same decision with another answer.
    pub(super) fn map<U>(self, answer_of: impl FnOnce(T) -> U) -> Decision<U> {
        match self {
            Self::Done(answer) => Decision::Done(answer_of(answer)),
            Self::Commit(proposal) => {
                let Proposal { changes, answer, placed, recovered_after } = *proposal;
                Decision::Commit(Box::new(Proposal { changes, answer: answer_of(answer), placed, recovered_after }))
            }
            Self::Retry => Decision::Retry,
        }
    }

    /// Decides to write these changes, which place a session that may conflict with another one.
    pub(super) fn place(changes: Changes, answer: T, session: Session) -> Self {
        Self::Commit(Box::new(Proposal { changes, answer, placed: Some(session), recovered_after: None }))
    }
}

/// What an attempt needs to know of those before it.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    /// Whether an earlier attempt may have been written, so that its changes may be found.
    pub(super) outcome_may_be_ours: bool,
}

/// The outcome of a commit.
pub(super) enum CommitOutcome {
    Done(Committed),
    /// A row changed since it was read: the use case starts over.
    Stale,
    Conflict(UniqueRule),
}

/// Counts the attempts of a use case, and those whose outcome is unknown.
#[derive(Default)]
pub(super) struct RetryBudget {
    attempts: u32,
    unknown_outcomes: u32,
    wrote: bool,
}

impl RetryBudget {
    /// Fails with [`Error::Contended`] once the budget is used up.
    pub(super) fn next(&mut self) -> Result<Attempt, Error> {
        self.attempts += 1;
        if self.attempts > MAX_ATTEMPTS {
            return Err(Error::Contended);
        }
        Ok(Attempt { outcome_may_be_ours: self.unknown_outcomes > 0 })
    }

    fn retry_unknown(&mut self) -> bool {
        self.unknown_outcomes += 1;
        self.unknown_outcomes <= MAX_UNKNOWN_RETRIES
    }

    /// Once something was written, or may have been, no later error of the store proves that nothing was.
    fn mark_unknown_if_written<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        match outcome {
            Err(Error::Store(error))
                if (self.wrote || self.unknown_outcomes > 0) && error.says_nothing_was_written() =>
            {
                Err(StoreError::Unknown(format!("a write was asked for, and then: {error}")).into())
            }
            outcome => outcome,
        }
    }
}

impl Engine {
    /// Runs a use case: repeats `step` until it is done or its changes are written, and returns its answer.
    ///
    /// `step` runs with one stamp of time and ids for all attempts, so that a second attempt recognizes what the first
    /// one wrote.
    pub(super) async fn decide<T, F>(&self, mut step: impl FnMut(Attempt) -> F) -> Result<T, Error>
    where
        T: Any,
        F: Future<Output = Result<Decision<T>, Error>>,
    {
        let mut budget = RetryBudget::default();
        let outcome = async {
            loop {
                let attempt = budget.next()?;
                let proposal = match step(attempt).await? {
                    Decision::Done(answer) => return Ok(answer),
                    Decision::Retry => continue,
                    Decision::Commit(proposal) => proposal,
                };
                let Proposal { mut changes, answer, placed, recovered_after } = *proposal;
                let request = self.idempotent_request.as_ref();
                changes.stored_response = request.and_then(|request| request.response_to(&answer, self.clock.now()));
                match self.commit(&mut budget, changes).await? {
                    CommitOutcome::Done(_) => {
                        if let (Some(observer), Some(after)) = (&self.observer, recovered_after) {
                            observer.recovered(after);
                        }
                        return Ok(answer);
                    }
                    CommitOutcome::Stale => {}
                    CommitOutcome::Conflict(rule) => {
                        if let Some(session) = placed
                            && let Some(rejection) = self.find_conflict(rule, &session).await?
                        {
                            return Err(rejection.into());
                        }
                    }
                }
            }
        };
        let outcome = outcome.await;
        budget.mark_unknown_if_written(outcome)
    }

    /// Commits under the fence, with the actor in each event, and notifies the observer. For passes over many rows,
    /// which count their attempts themselves; a use case decides with [`Self::decide`].
    pub(super) async fn commit(&self, budget: &mut RetryBudget, mut changes: Changes) -> Result<CommitOutcome, Error> {
        changes.fence = self.fence;
        for event in &mut changes.events {
            event.by.clone_from(&self.actor);
        }
        let stores_response = changes.stored_response.is_some();
        let observed = self.observer.as_ref().map(|observer| (observer, changes.events.clone()));
        match self.store.commit(changes).await {
            Ok(committed) => {
                budget.wrote = true;
                if let Some(request) = self.idempotent_request.as_ref().filter(|_| stores_response) {
                    request.mark_stored();
                }
                if let Some((observer, events)) = observed {
                    observer.committed(&events);
                }
                Ok(CommitOutcome::Done(committed))
            }
            Err(CommitError::Stale) => Ok(CommitOutcome::Stale),
            Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey)) => Err(Error::AlreadyAnswered),
            Err(CommitError::UniqueViolation(rule)) => Ok(CommitOutcome::Conflict(rule)),
            Err(CommitError::Fenced) => Err(Error::Fenced),
            Err(CommitError::Failed(StoreError::Unknown(_))) if budget.retry_unknown() => Ok(CommitOutcome::Stale),
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }

    /// Commits changes that depend on no row, without starting over.
    pub(super) async fn append(&self, changes: Changes) -> Result<(), Error> {
        match self.store.commit(changes).await {
            Ok(_) => Ok(()),
            Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey)) => Err(Error::AlreadyAnswered),
            Err(CommitError::Failed(error)) => Err(error.into()),
            Err(refused @ (CommitError::Stale | CommitError::UniqueViolation(_) | CommitError::Fenced)) => {
                Err(StoreError::Corrupt(format!("changes that depend on no row were refused: {refused}")).into())
            }
        }
    }

    /// Returns the conflict of `session` with another one under a unique rule; `None` when it no longer exists.
    async fn find_conflict(&self, rule: UniqueRule, session: &Session) -> Result<Option<Rejection>, Error> {
        let machine = &session.machine_id;
        Ok(match (rule, session.docker_slot) {
            (UniqueRule::ActivePerProjectAndMachine, _) => {
                let existing = self.store.read(queries::active_session(&session.project_id, machine)).await?;
                existing.map(|existing| Rejection::SessionConflict { existing })
            }
            (UniqueRule::LivePerSlot, Some(slot)) => {
                match self.store.read(queries::slot_holder(machine, slot)).await? {
                    Some(existing) if self.is_visible(existing).await? => {
                        Some(Rejection::SlotConflict { machine: machine.clone(), slot, existing })
                    }
                    Some(_) => Some(Rejection::SlotOccupied { machine: machine.clone(), slot }),
                    None => None,
                }
            }
            (UniqueRule::LivePerSlot, None)
            | (UniqueRule::Successor | UniqueRule::IdempotencyKey | UniqueRule::Other(_), _) => None,
        })
    }
}
