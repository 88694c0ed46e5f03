//! One retention pass: it deletes the ended, unarchived sessions that are old enough, with their tasks. The caller
//! repeats it.

use std::time::Duration;

use super::batches::Batches;
use super::decide::{CommitOutcome, RetryBudget};
use super::engine::Engine;
use super::error::Error;
use super::input::CleanupMode;
use super::tracker::Tracker;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::session::Session;
use crate::store::{Changes, EVENT_PURGE_BATCH, Expired, FindTyped, Write, queries};
use crate::values::Timestamp;

/// How many sessions one commit deletes: a session may have many tasks.
const BATCH: u32 = 100;

/// What a pass deleted, or would delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanupReport {
    /// The number of sessions.
    pub deleted_sessions: u64,
    /// The number of their tasks.
    pub deleted_tasks: u64,
    /// The age in days that was applied.
    pub older_than_days: u32,
    /// Whether it deleted or only reported.
    pub mode: CleanupMode,
}

impl Tracker {
    /// Runs one pass over the sessions that ended at least this many days ago (the policy's number if none is given),
    /// and calls `on_deleted` for each session after its deletion is durable.
    ///
    /// # Errors
    /// Fails with [`Error::Contended`], [`Error::Fenced`], or if the store fails. What it deleted before that stays
    /// deleted.
    pub async fn cleanup(
        &self,
        older_than_days: Option<u32>,
        mode: CleanupMode,
        on_deleted: &mut (dyn FnMut(&Expired) + Send),
    ) -> Result<CleanupReport, Error> {
        let engine = &self.engine;
        let now = engine.clock.now();
        let days = older_than_days.unwrap_or(engine.policy.retention_days);
        let ended_by = days_before(now, days);
        let mut report = CleanupReport { deleted_sessions: 0, deleted_tasks: 0, older_than_days: days, mode };
        if mode == CleanupMode::DryRun {
            let counts = engine.store.read(queries::expired_counts(ended_by)).await?;
            report.deleted_sessions = counts.sessions;
            report.deleted_tasks = counts.tasks;
            return Ok(report);
        }
        let mut batches = Batches::of(BATCH);
        loop {
            let expired = engine.store.read(queries::expired(ended_by, batches.size)).await?;
            if expired.is_empty() {
                break;
            }
            let mut changes = Changes::default();
            for session in &expired {
                changes.writes.push(Write::delete::<Session>(session.session_id, session.version));
                changes.events.push(
                    Event::new(now, EventKind::SessionDeleted, Subject::Session(session.session_id))
                        .with("project_id", session.project_id.as_str())
                        .with("completed_at", session.completed_at.to_string()),
                );
            }
            match engine.commit(&mut batches.budget, changes).await? {
                CommitOutcome::Done(committed) => {
                    report.deleted_sessions += expired.len() as u64;
                    report.deleted_tasks += committed.deleted_tasks;
                    expired.iter().for_each(&mut *on_deleted);
                    batches.grow();
                }
                CommitOutcome::Stale | CommitOutcome::Conflict(_) => batches.shrink()?,
            }
        }
        engine.purge_events(now).await?;
        Ok(report)
    }
}

impl Engine {
    /// Purges the events of machines, keys and deleted sessions, by the policy's age, whatever age a cleanup names.
    async fn purge_events(&self, now: Timestamp) -> Result<(), Error> {
        let before = days_before(now, self.policy.retention_days);
        let mut budget = RetryBudget::default();
        loop {
            let changes = Changes { purge_events_before: Some(before), ..Changes::default() };
            match self.commit(&mut budget, changes).await? {
                CommitOutcome::Done(committed) if committed.purged_events < EVENT_PURGE_BATCH => return Ok(()),
                CommitOutcome::Done(_) => {}
                CommitOutcome::Stale | CommitOutcome::Conflict(_) => {
                    budget.next()?;
                }
            }
        }
    }
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.minus(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}
