//! The use cases, and the one shape that they all have: load → decide → commit, and start over when the commit says
//! that a row changed in between. One stamp of time and ids serves all attempts, so that a write whose outcome was
//! not heard can be asked for again.

mod audit;
mod detection;
pub mod error;
mod health;
mod heartbeats;
mod idempotency;
mod input;
mod keys;
mod machines;
mod observer;
mod recovery;
mod retention;
mod sessions;
mod tasks;

use std::sync::Arc;
use std::time::Duration;

pub use detection::{DetectionReport, StalledSession};
pub use health::{SessionHealth, StalledReport};
pub use idempotency::{IdempotentRequest, Reply, ResponseEncoder};
pub use input::{
    CleanupMode, HeartbeatReport, IfMatch, MachinePatch, NewMachine, NewSession, NewTask, SessionPatch, SessionTarget,
    SlotRelease, TaskPatch,
};
pub use keys::{NewKey, Rotated};
pub use machines::{MachineView, Registered};
pub use observer::Observer;
pub use recovery::{Recovered, RecoveryState};
pub use retention::CleanupReport;

use self::error::Error;
use crate::clock::{Clock, Ids};
use crate::domain::api_key::Actor;
use crate::domain::rejection::Rejection;
use crate::domain::session::Session;
use crate::rules::liveness::LivenessRule;
use crate::store::{Changes, CommitError, Committed, Fence, Store, StoreError, UniqueRule, Versioned};
use crate::values::{Metadata, MetadataPatch, ProjectId, SessionId, Timestamp};

/// How often a use case looks again after others changed its rows. Each time somebody else got through.
const MAX_ATTEMPTS: u32 = 128;
/// How often a write is asked for again whose outcome was not heard.
const MAX_UNKNOWN_RETRIES: u32 = 2;

/// The numbers that an operator chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The silence after which an active session is stalled.
    pub stall_threshold: Duration,
    /// The longest wait between two detection passes.
    pub detect_interval: Duration,
    /// The age in days at which ended, unarchived sessions are deleted.
    pub retention_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { stall_threshold: Duration::from_secs(180), detect_interval: Duration::from_secs(1), retention_days: 30 }
    }
}

impl Policy {
    /// How soon a session should send its next heartbeat: so that two may be lost before it is missed.
    pub fn next_heartbeat(&self) -> Duration {
        self.stall_threshold / 3
    }
}

/// The use cases over a store. Cheap to clone.
///
/// Dropping one of its futures never leaves a command half done: a use case makes one commit, and a store carries out
/// what it was handed.
#[derive(Clone)]
pub struct Tracker {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    policy: Policy,
    fence: Option<Fence>,
    actor: Option<Actor>,
    scope: Option<ProjectId>,
    idempotent_request: Option<Arc<IdempotentRequest>>,
    observer: Option<Arc<dyn Observer>>,
}

impl Tracker {
    /// A tracker over this store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, policy: Policy) -> Self {
        Self {
            store,
            clock,
            ids,
            policy,
            fence: None,
            actor: None,
            scope: None,
            idempotent_request: None,
            observer: None,
        }
    }

    /// The same tracker, which tells this listener what it did.
    #[must_use]
    pub fn with_observer(self, listener: Arc<dyn Observer>) -> Self {
        Self { observer: Some(listener), ..self }
    }

    /// A tracker all of whose commits demand that this fence still stands, for a duty that one process of several has.
    #[must_use]
    pub fn with_fence(&self, fence: Fence) -> Self {
        Self { fence: Some(fence), ..self.clone() }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The numbers that it goes by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The time, as the use cases see it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn load(&self, id: SessionId) -> Result<Versioned<Session>, Error> {
        let found = self.store.session(id).await?.filter(|row| self.in_scope(&row.value.project_id));
        found.ok_or_else(|| Rejection::NotFound { entity: "session", id: id.to_string() }.into())
    }

    /// Whether a project is there for this tracker. What is not is as if it did not exist.
    fn in_scope(&self, project: &ProjectId) -> bool {
        self.scope.as_ref().is_none_or(|only| only == project)
    }

    /// Whether a session is there for this tracker.
    async fn ensure_visible(&self, id: SessionId) -> Result<bool, Error> {
        Ok(match self.scope {
            None => true,
            Some(_) => self.store.session(id).await?.is_none_or(|row| self.in_scope(&row.value.project_id)),
        })
    }

    /// Whether something of a project may be made.
    fn ensure_in_scope(&self, project: &ProjectId) -> Result<(), Rejection> {
        match &self.scope {
            Some(only) if only != project => Err(Rejection::OtherProject { only: only.clone() }),
            Some(_) | None => Ok(()),
        }
    }

    /// The project that a list is to be about: the one that was asked for, or the only one that there is.
    fn project_of(&self, asked: Option<&ProjectId>) -> Result<Option<ProjectId>, Rejection> {
        if let Some(asked) = asked {
            self.ensure_in_scope(asked)?;
        }
        Ok(asked.or(self.scope.as_ref()).cloned())
    }

    async fn liveness_rule(&self, now: Timestamp) -> Result<LivenessRule, Error> {
        Ok(LivenessRule::at(now, self.store.detector_state().await?, self.policy.stall_threshold))
    }

    /// Commits, and with it the answer that will be given if it goes through.
    async fn commit(
        &self,
        attempts: &mut RetryBudget,
        mut changes: Changes,
        reply: Option<Reply<'_>>,
    ) -> Result<CommitOutcome, Error> {
        changes.fence = self.fence;
        for event in &mut changes.events {
            event.by.clone_from(&self.actor);
        }
        let once = self.idempotent_request.as_ref().zip(reply);
        changes.stored_response = once.as_ref().and_then(|(once, reply)| once.answer(reply, self.clock.now()));
        let keeps = once.filter(|_| changes.stored_response.is_some());
        let told = self.observer.as_ref().map(|listener| (listener, changes.events.clone()));
        match self.store.commit(changes).await {
            Ok(committed) => {
                attempts.wrote = true;
                if let Some((once, _)) = keeps {
                    once.mark_stored();
                }
                if let Some((listener, events)) = told {
                    listener.committed(&events);
                }
                Ok(CommitOutcome::Done(committed))
            }
            Err(CommitError::Stale) => Ok(CommitOutcome::Stale),
            Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey)) => Err(Error::AlreadyAnswered),
            Err(CommitError::UniqueViolation(rule)) => Ok(CommitOutcome::Taken(rule)),
            Err(CommitError::Fenced) => Err(Error::Fenced),
            Err(CommitError::Failed(StoreError::Unknown(_))) if attempts.retry_unknown() => Ok(CommitOutcome::Stale),
            Err(CommitError::Failed(fault)) => Err(fault.into()),
        }
    }

    /// Who stands in the way of `session` by a unique rule; none when that one has gone meanwhile.
    async fn find_conflict(&self, rule: UniqueRule, session: &Session) -> Result<Option<Rejection>, Error> {
        let machine = &session.machine_id;
        Ok(match (rule, session.docker_slot) {
            (UniqueRule::ActivePerProjectAndMachine, _) => {
                let existing = self.store.active_session(&session.project_id, machine).await?;
                existing.map(|existing| Rejection::SessionConflict { existing })
            }
            (UniqueRule::LivePerSlot, Some(slot)) => {
                let existing = self.store.slot_holder(machine, slot).await?;
                match existing {
                    Some(existing) if self.ensure_visible(existing).await? => {
                        Some(Rejection::SlotConflict { machine: machine.clone(), slot, existing })
                    }
                    Some(_) => Some(Rejection::SlotOccupied { machine: machine.clone(), slot }),
                    None => None,
                }
            }
            (UniqueRule::LivePerSlot, None) | (UniqueRule::Successor | UniqueRule::IdempotencyKey, _) => None,
        })
    }
}

/// What became of a commit.
enum CommitOutcome {
    Done(Committed),
    /// Look again.
    Stale,
    Taken(UniqueRule),
}

/// Counts how often a use case has looked.
#[derive(Default)]
struct RetryBudget {
    attempts: u32,
    unknown_outcomes: u32,
    wrote: bool,
}

impl RetryBudget {
    /// One more attempt.
    fn next(&mut self) -> Result<(), Error> {
        self.attempts += 1;
        if self.attempts > MAX_ATTEMPTS { Err(Error::Contended) } else { Ok(()) }
    }

    fn retry_unknown(&mut self) -> bool {
        self.unknown_outcomes += 1;
        self.unknown_outcomes <= MAX_UNKNOWN_RETRIES
    }

    /// The outcome as it may be told: once something was written, or may have been, no fault of the store afterwards is
    /// proof that nothing was.
    fn mark_unknown_if_written<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        match outcome {
            Err(Error::Store(fault))
                if (self.wrote || self.outcome_may_be_ours()) && fault.says_nothing_was_written() =>
            {
                Err(StoreError::Unknown(format!("a write was asked for, and then: {fault}")).into())
            }
            outcome => outcome,
        }
    }

    /// Whether an earlier attempt may have been written after all: what is found may be our own doing.
    fn outcome_may_be_ours(&self) -> bool {
        self.unknown_outcomes > 0
    }
}

/// Metadata with a patch applied.
fn merge_patch(metadata: &Metadata, patch: &MetadataPatch) -> Result<Metadata, Rejection> {
    metadata.merged(patch).map_err(|fault| Rejection::Invalid { field: "metadata", why: fault.0 })
}

/// Works through many rows, a batch a commit. When others change one of them meanwhile, the batches get smaller, so that
/// the rest need not wait for it; when one went through, they grow again.
struct Batches {
    largest: u32,
    size: u32,
    attempts: RetryBudget,
}

impl Batches {
    fn of(largest: u32) -> Self {
        Self { largest, size: largest, attempts: RetryBudget::default() }
    }

    /// After a batch in which a row had changed.
    fn shrink(&mut self) -> Result<(), Error> {
        self.size = (self.size / 4).max(1);
        self.attempts.next()
    }

    /// After a batch that went through.
    fn grow(&mut self) {
        self.size = (self.size * 2).min(self.largest);
        self.attempts = RetryBudget::default();
    }
}
