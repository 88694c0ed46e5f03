//! Retention: deletes old sessions at the times of a schedule.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rekindle_core::store::LeaseName;
use rekindle_core::use_cases::CleanupMode;
use rekindle_core::{Error, Timestamp, Tracker};
use rekindle_telemetry::{RETENTION, log_deleted, millis};
use tracing::{info, warn};

use crate::backoff::backoff;
use crate::job::{Job, NextPass, PassError};
use crate::schedule::{CATCH_UP_WINDOW, Schedule};

/// A pass that failed is tried again no later than this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Retention in one process.
#[derive(Debug)]
pub struct RetentionJob {
    schedule: Schedule,
}

impl RetentionJob {
    /// Retention at these times.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule }
    }
}

#[async_trait]
impl Job for RetentionJob {
    fn name(&self) -> &'static str {
        RETENTION
    }

    fn lease(&self) -> Option<LeaseName> {
        Some(LeaseName::Retention)
    }

    /// A time that passed while the lease changed hands is made up for, but none from before this process started.
    fn first(&self, started: Timestamp, now: Timestamp) -> NextPass {
        self.schedule.after(now.minus(CATCH_UP_WINDOW).max(started)).into()
    }

    async fn run(&self, tracker: &Tracker, _: Timestamp) -> Result<NextPass, PassError> {
        let began = Instant::now();
        let cleaned = tracker.cleanup(None, CleanupMode::Delete, &mut log_deleted).await;
        let report = cleaned.inspect_err(|failure| {
            if !matches!(failure, Error::Fenced) {
                warn!(job_name = RETENTION, cause = %failure, "A retention pass failed; it is tried again");
            }
        })?;
        info!(
            job_name = RETENTION,
            sessions_affected = report.deleted_sessions,
            tasks_affected = report.deleted_tasks,
            duration_ms = millis(began.elapsed()),
            "Background job done"
        );
        Ok(self.schedule.after(tracker.now()).into())
    }

    fn after_failure(&self, failures: u32, _: &Tracker) -> NextPass {
        NextPass::After(backoff(failures, Duration::from_secs(1), LONGEST_BACKOFF))
    }
}
