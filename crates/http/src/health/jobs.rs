//! Health of the background jobs. Of several processes on one store only one does a job; the others read the time of
//! the last detection pass from the store.

use std::time::Duration;

use async_trait::async_trait;
use rekindle_core::store::{FindTyped, queries};
use rekindle_core::{Timestamp, Tracker};
use tokio::time::timeout;

use super::check::{Check, CheckResult};
use rekindle_api::{HealthStatus, JobHealth, JobsHealth};
use rekindle_jobs::{JobRegistry, JobStatus};
use rekindle_telemetry::DETECTOR;

/// The longest time without a detection pass, or `MAX_IDLE_INTERVALS` detection intervals if that is longer.
const MAX_IDLE: Duration = Duration::from_secs(600);
const MAX_IDLE_INTERVALS: u32 = 10;
/// The time limit for reading the detector state from the store.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Jobs {
    tracker: Tracker,
    registry: JobRegistry,
    started: Timestamp,
}

impl Jobs {
    /// Returns the check. The time that the jobs may be late counts from now.
    pub(super) fn new(tracker: Tracker, registry: JobRegistry) -> Self {
        let started = tracker.now();
        Self { tracker, registry, started }
    }

    fn max_idle(&self) -> Duration {
        MAX_IDLE.max(self.tracker.policy().detect_interval * MAX_IDLE_INTERVALS)
    }

    /// Returns the time of the last detection pass, of this process or another.
    async fn last_pass(&self, jobs: &[JobStatus]) -> Option<Timestamp> {
        let here = jobs.iter().find(|job| job.name == DETECTOR).and_then(|job| job.last_success);
        if here.is_some_and(|here| self.tracker.now().since(here) < self.max_idle()) {
            return here;
        }
        let state = timeout(READ_TIMEOUT, self.tracker.store().read(queries::detector_state())).await;
        let anywhere = state.ok().and_then(Result::ok).flatten().map(|state| state.last_pass_at);
        here.max(anywhere)
    }
}

fn job_health(job: JobStatus) -> JobHealth {
    let JobStatus { name, last_run, last_success, failures, restarts, last_error, alive: _ } = job;
    let (last_run, last_success) = (last_run.map(Into::into), last_success.map(Into::into));
    JobHealth { name: name.to_owned(), last_run, last_success, failures, restarts, last_error }
}

#[async_trait]
impl Check for Jobs {
    fn name(&self) -> &'static str {
        "background_jobs"
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn check(&self) -> CheckResult {
        let jobs = self.registry.shown();
        let last_run = self.last_pass(&jobs).await;
        let idle = self.tracker.now().since(last_run.map_or(self.started, |last| last.max(self.started)));
        let dead: Vec<_> = jobs.iter().filter(|job| !job.alive).map(|job| job.name).collect();
        let message = if idle > self.max_idle() {
            Some(format!("no detection pass has ended for {} s", idle.as_secs()))
        } else if dead.is_empty() {
            None
        } else {
            Some(format!("{} died, and will be started again", dead.join(" and ")))
        };
        let status = if message.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok };
        let jobs = jobs.into_iter().map(job_health).collect();
        CheckResult::of(status, &JobsHealth { status, last_run: last_run.map(Into::into), message, jobs })
    }

    fn timed_out(&self, _: Duration, why: &'static str) -> CheckResult {
        let (status, message) = (HealthStatus::Error, Some(why.to_owned()));
        CheckResult::of(status, &JobsHealth { status, last_run: None, message, jobs: Vec::new() })
    }
}
