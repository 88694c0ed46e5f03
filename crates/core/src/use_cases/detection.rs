//! One detection pass: it marks active sessions past their deadline as stalled, and online machines as offline. The
//! caller repeats it at [`DetectionReport::next_pass_at`].

use std::time::Duration;

use super::batches::Batches;
use super::decide::{CommitOutcome, RetryBudget};
use super::engine::Engine;
use super::error::Error;
use super::tracker::Tracker;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::machine::transition::{MachineEvent, step};
use crate::domain::session::LiveState;
use crate::rules::liveness::LivenessRule;
use crate::rules::next_update;
use crate::store::{Changes, DetectorStateUpdate, Expect, FindTyped, Write, queries};
use crate::values::{MachineId, ProjectId, SessionId, Timestamp};

/// How many rows one commit of a pass changes.
const BATCH: u32 = 500;

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectionReport {
    /// The time at which the pass began.
    pub checked_at: Timestamp,
    /// The sessions that it marked as stalled, longest silent first.
    pub stalled: Vec<StalledSession>,
    /// The machines that it marked as offline.
    pub offline: Vec<MachineId>,
    /// The time at which the next pass is due at the latest.
    pub next_pass_at: Timestamp,
}

/// A session that a pass marked as stalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StalledSession {
    /// The session.
    pub session_id: SessionId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its machine.
    pub machine_id: MachineId,
    /// The time since its last heartbeat.
    pub silent_for: Duration,
    /// The time from its deadline to its marking.
    pub late_by: Duration,
}

impl Tracker {
    /// Runs one pass. It touches only what is overdue, however many sessions are live; a heartbeat that arrives
    /// meanwhile wins.
    ///
    /// # Errors
    /// Fails with [`Error::Contended`] when other requests kept changing the same rows, with [`Error::Fenced`], or if
    /// the store fails. What it marked before that stays marked.
    pub async fn detect(&self) -> Result<DetectionReport, Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        let rule = engine.liveness_rule(now).await?;
        let stalled = engine.mark_overdue_sessions(&rule, now).await?;
        let offline = engine.mark_overdue_machines(&rule, now).await?;
        let next_pass_at = engine.save_detector_state(rule).await?;
        Ok(DetectionReport { checked_at: now, stalled, offline, next_pass_at })
    }
}

impl Engine {
    /// Stores when the next pass is due, counted from the end of this one, so that a long pass is no gap. Returns that
    /// time. When another pass has stored something meanwhile, this one follows that.
    async fn save_detector_state(&self, mut rule: LivenessRule) -> Result<Timestamp, Error> {
        let mut budget = RetryBudget::default();
        loop {
            budget.next()?;
            let earliest = self.store.read(queries::earliest_heartbeat()).await?;
            let value = rule.next_state(self.clock.now(), earliest, self.policy.detect_interval);
            let detector_state = Some(DetectorStateUpdate { value, seen: rule.state() });
            match self.commit(&mut budget, Changes { detector_state, ..Changes::default() }).await? {
                CommitOutcome::Done(_) => return Ok(value.next_pass_due),
                CommitOutcome::Stale | CommitOutcome::Conflict(_) => {
                    rule = self.liveness_rule(self.clock.now()).await?;
                }
            }
        }
    }

    async fn mark_overdue_sessions(&self, rule: &LivenessRule, now: Timestamp) -> Result<Vec<StalledSession>, Error> {
        let mut marked = Vec::new();
        let mut batches = Batches::of(BATCH);
        loop {
            let overdue = self.store.read(queries::overdue_sessions(rule.cutoff(), batches.size)).await?;
            if overdue.is_empty() {
                return Ok(marked);
            }
            let mut changes = Changes::default();
            let mut batch = Vec::with_capacity(overdue.len());
            let mut deadlines = Vec::with_capacity(overdue.len());
            for row in overdue {
                let mut next = row.value;
                let since = next.last_heartbeat;
                deadlines.push(rule.deadline(since));
                let silent_for = now.since(since);
                next.set_live(LiveState::Stalled { prepared_at: None });
                next.updated_at = next_update(next.updated_at, now);
                batch.push(StalledSession {
                    session_id: next.id,
                    project_id: next.project_id.clone(),
                    machine_id: next.machine_id.clone(),
                    silent_for,
                    // Set after the commit that marks it.
                    late_by: Duration::ZERO,
                });
                let silent_ms = u64::try_from(silent_for.as_millis()).unwrap_or(u64::MAX);
                changes.events.push(
                    Event::new(now, EventKind::SessionStalled, Subject::Session(next.id))
                        .with("silent_for_ms", silent_ms),
                );
                changes.writes.push(Write::put(next, Expect::NoHeartbeatSince { at: row.version, since }));
            }
            match self.commit(&mut batches.budget, changes).await? {
                CommitOutcome::Done(_) => {
                    let marked_at = self.clock.now();
                    for (session, deadline) in batch.iter_mut().zip(deadlines) {
                        session.late_by = marked_at.since(deadline);
                    }
                    marked.append(&mut batch);
                    batches.grow();
                }
                CommitOutcome::Stale | CommitOutcome::Conflict(_) => batches.shrink()?,
            }
        }
    }

    async fn mark_overdue_machines(&self, rule: &LivenessRule, now: Timestamp) -> Result<Vec<MachineId>, Error> {
        let mut marked = Vec::new();
        let mut batches = Batches::of(BATCH);
        loop {
            let overdue = self.store.read(queries::overdue_machines(rule.cutoff(), batches.size)).await?;
            if overdue.is_empty() {
                return Ok(marked);
            }
            let mut changes = Changes::default();
            let mut batch = Vec::with_capacity(overdue.len());
            for row in overdue {
                let mut next = row.value;
                let since = next.last_heartbeat;
                next.status = step(next.status, MachineEvent::Silence);
                next.updated_at = next_update(next.updated_at, now);
                batch.push(next.id.clone());
                let subject = Subject::Machine(next.id.clone());
                changes.events.push(Event::new(now, EventKind::MachineOffline, subject));
                changes.writes.push(Write::put(next, Expect::NoHeartbeatSince { at: row.version, since }));
            }
            match self.commit(&mut batches.budget, changes).await? {
                CommitOutcome::Done(_) => {
                    marked.append(&mut batch);
                    batches.grow();
                }
                CommitOutcome::Stale | CommitOutcome::Conflict(_) => batches.shrink()?,
            }
        }
    }
}
