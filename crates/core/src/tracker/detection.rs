//! The detector's one pass: marks active sessions past their deadline as stalled and silent machines as offline.
//! The loop round it is the caller's, who sleeps until [`Pass::next_look`].

use std::time::Duration;

use super::{Attempts, Batches, Tracker, Verdict};
use crate::error::Error;
use crate::event::{Event, EventKind, Subject};
use crate::machine::transition::{MachineEvent, step};
use crate::rules::next_update;
use crate::rules::silence::Silence;
use crate::session::LiveState;
use crate::store::{Changes, Expect, Put, WatchPut};
use crate::values::{MachineId, ProjectId, SessionId, Timestamp};

/// How many rows one commit of a pass changes.
const BATCH: u32 = 500;

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// When it looked.
    pub checked_at: Timestamp,
    /// The sessions that it marked, longest silent first.
    pub stalled: Vec<StalledSession>,
    /// The machines that it marked.
    pub offline: Vec<MachineId>,
    /// When the next pass is due at the latest.
    pub next_look: Timestamp,
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
    pub async fn detect(&self) -> Result<Pass, Error> {
        let now = self.clock.now();
        let silence = self.silence(now).await?;
        let stalled = self.mark_sessions(&silence, now).await?;
        let offline = self.mark_machines(&silence, now).await?;
        let next_look = self.note_watch(silence).await?;
        Ok(Pass { checked_at: now, stalled, offline, next_look })
    }

    /// Notes when the detector means to look again, counted from the end of the pass: a long one is no gap. Answers that
    /// time. When another pass has noted something meanwhile, this one goes by that.
    async fn note_watch(&self, mut silence: Silence) -> Result<Timestamp, Error> {
        let mut attempts = Attempts::default();
        loop {
            attempts.next()?;
            let earliest = self.store.earliest_heartbeat().await?;
            let value = silence.next_watch(self.clock.now(), earliest, self.policy.detect_interval);
            let watch = Some(WatchPut { value, seen: silence.watch() });
            match self.commit(&mut attempts, Changes { watch, ..Changes::default() }, None).await? {
                Verdict::Done(_) => return Ok(value.due_by),
                Verdict::Stale | Verdict::Taken(_) => silence = self.silence(self.clock.now()).await?,
            }
        }
    }

    async fn mark_sessions(&self, silence: &Silence, now: Timestamp) -> Result<Vec<StalledSession>, Error> {
        let mut marked = Vec::new();
        let mut batches = Batches::of(BATCH);
        loop {
            let overdue = self.store.overdue_sessions(silence.heard_before(), batches.size).await?;
            if overdue.is_empty() {
                return Ok(marked);
            }
            let mut changes = Changes::default();
            let mut batch = Vec::with_capacity(overdue.len());
            let mut deadlines = Vec::with_capacity(overdue.len());
            for row in overdue {
                let mut next = row.value;
                let since = next.last_heartbeat;
                deadlines.push(silence.overdue_at(since));
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
                changes.writes.push(Put { value: next, expect: Expect::Quiet { at: row.version, since } }.into());
            }
            match self.commit(&mut batches.attempts, changes, None).await? {
                Verdict::Done(_) => {
                    let marked_at = self.clock.now();
                    for (session, deadline) in batch.iter_mut().zip(deadlines) {
                        session.late_by = marked_at.since(deadline);
                    }
                    marked.append(&mut batch);
                    batches.done();
                }
                Verdict::Stale | Verdict::Taken(_) => batches.disturbed()?,
            }
        }
    }

    async fn mark_machines(&self, silence: &Silence, now: Timestamp) -> Result<Vec<MachineId>, Error> {
        let mut marked = Vec::new();
        let mut batches = Batches::of(BATCH);
        loop {
            let overdue = self.store.overdue_machines(silence.heard_before(), batches.size).await?;
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
                changes.writes.push(Put { value: next, expect: Expect::Quiet { at: row.version, since } }.into());
            }
            match self.commit(&mut batches.attempts, changes, None).await? {
                Verdict::Done(_) => {
                    marked.append(&mut batch);
                    batches.done();
                }
                Verdict::Stale | Verdict::Taken(_) => batches.disturbed()?,
            }
        }
    }
}
