//! The detector's one pass: marks active sessions past their deadline as stalled and silent machines as offline.
//! The loop round it is the caller's, who sleeps until [`DetectionReport::next_look`].

use std::time::Duration;

use super::error::Error;
use super::{Batches, CommitOutcome, RetryBudget, Tracker};
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::machine::transition::{MachineEvent, step};
use crate::domain::session::LiveState;
use crate::rules::liveness::LivenessRule;
use crate::rules::next_update;
use crate::store::{Changes, DetectorStateUpdate, Expect, Put};
use crate::values::{MachineId, ProjectId, SessionId, Timestamp};

/// How many rows one commit of a pass changes.
const BATCH: u32 = 500;

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectionReport {
    /// When it looked.
    pub checked_at: Timestamp,
    /// The sessions that it marked, longest silent first.
    pub stalled: Vec<StalledSession>,
    /// The machines that it marked.
    pub offline: Vec<MachineId>,
    /// When the next pass is due at the latest.
    pub next_pass_at: Timestamp,
}

/// A session that a pass marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StalledSession {
    /// The session.
    pub session_id: SessionId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its machine.
    pub machine_id: MachineId,
    /// How long it had been silent.
    pub silent_for: Duration,
    /// How long after its deadline it was marked.
    pub late_by: Duration,
}

impl Tracker {
    /// One pass. It touches only what is overdue, however much is live; a beat that arrives meanwhile wins.
    ///
    /// # Errors
    /// The store's, and [`Error::Contended`] when others kept changing what it meant to mark. What it marked before
    /// that stays marked.
    pub async fn detect(&self) -> Result<DetectionReport, Error> {
        let now = self.clock.now();
        let silence = self.liveness_rule(now).await?;
        let stalled = self.mark_overdue_sessions(&silence, now).await?;
        let offline = self.mark_overdue_machines(&silence, now).await?;
        let next_look = self.save_detector_state(silence).await?;
        Ok(DetectionReport { checked_at: now, stalled, offline, next_pass_at: next_look })
    }

    /// Notes when the detector means to look again, counted from the end of the pass: a long one is no gap. Answers that
    /// time. When another pass has noted something meanwhile, this one goes by that.
    async fn save_detector_state(&self, mut silence: LivenessRule) -> Result<Timestamp, Error> {
        let mut attempts = RetryBudget::default();
        loop {
            attempts.next()?;
            let earliest = self.store.earliest_heartbeat().await?;
            let value = silence.next_watch(self.clock.now(), earliest, self.policy.detect_interval);
            let watch = Some(DetectorStateUpdate { value, seen: silence.watch() });
            match self.commit(&mut attempts, Changes { detector_state: watch, ..Changes::default() }, None).await? {
                CommitOutcome::Done(_) => return Ok(value.next_pass_due),
                CommitOutcome::Stale | CommitOutcome::Taken(_) => {
                    silence = self.liveness_rule(self.clock.now()).await?
                }
            }
        }
    }

    async fn mark_overdue_sessions(
        &self,
        silence: &LivenessRule,
        now: Timestamp,
    ) -> Result<Vec<StalledSession>, Error> {
        let mut marked = Vec::new();
        let mut batches = Batches::of(BATCH);
        loop {
            let overdue = self.store.overdue_sessions(silence.cutoff(), batches.size).await?;
            if overdue.is_empty() {
                return Ok(marked);
            }
            let mut changes = Changes::default();
            let mut batch = Vec::with_capacity(overdue.len());
            let mut deadlines = Vec::with_capacity(overdue.len());
            for row in overdue {
                let mut next = row.value;
                let since = next.last_heartbeat;
                deadlines.push(silence.deadline(since));
                let silent_for = now.since(since);
                next.set_live(LiveState::Stalled { prepared_at: None });
                next.updated_at = next_update(next.updated_at, now);
                batch.push(StalledSession {
                    session_id: next.id,
                    project_id: next.project_id.clone(),
                    machine_id: next.machine_id.clone(),
                    silent_for,
                    // Known once it is marked.
                    late_by: Duration::ZERO,
                });
                let silent_ms = u64::try_from(silent_for.as_millis()).unwrap_or(u64::MAX);
                changes.events.push(
                    Event::new(now, EventKind::SessionStalled, Subject::Session(next.id))
                        .with("silent_for_ms", silent_ms),
                );
                changes
                    .writes
                    .push(Put { value: next, expect: Expect::NoHeartbeatSince { at: row.version, since } }.into());
            }
            match self.commit(&mut batches.attempts, changes, None).await? {
                CommitOutcome::Done(_) => {
                    let marked_at = self.clock.now();
                    for (session, deadline) in batch.iter_mut().zip(deadlines) {
                        session.late_by = marked_at.since(deadline);
                    }
                    marked.append(&mut batch);
                    batches.grow();
                }
                CommitOutcome::Stale | CommitOutcome::Taken(_) => batches.shrink()?,
            }
        }
    }

    async fn mark_overdue_machines(&self, silence: &LivenessRule, now: Timestamp) -> Result<Vec<MachineId>, Error> {
        let mut marked = Vec::new();
        let mut batches = Batches::of(BATCH);
        loop {
            let overdue = self.store.overdue_machines(silence.cutoff(), batches.size).await?;
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
                changes
                    .writes
                    .push(Put { value: next, expect: Expect::NoHeartbeatSince { at: row.version, since } }.into());
            }
            match self.commit(&mut batches.attempts, changes, None).await? {
                CommitOutcome::Done(_) => {
                    marked.append(&mut batch);
                    batches.grow();
                }
                CommitOutcome::Stale | CommitOutcome::Taken(_) => batches.shrink()?,
            }
        }
    }
}
