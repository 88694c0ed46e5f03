//! What runs by itself: the detector, retention and backups. Each is a loop round one pass, the first two in one process
//! of those that share a store (`leadership`); when a pass fails it is tried again, when it panics the job is started
//! again (`supervision`). What became of them is on the `board`.

mod backup;
mod leader_election;
mod schedule;
mod status;
mod supervisor;

use std::time::{Duration, Instant};

pub use backup::{BACKUP, backups};
use leader_election::{Leadership, LeaseTiming};
use rekindle_core::store::{Expired, LeaseName};
use rekindle_core::use_cases::{CleanupMode, DetectionReport};
use rekindle_core::{Error, Timestamp, Tracker};
pub use schedule::Schedule;
pub use status::{Job, JobRegistry, JobStatus};
use supervisor::supervised;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::metrics::Metrics;

/// No pass follows another faster, whatever the deadlines say.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
/// A pass that failed is tried again no later than this: silence does not wait for the store.
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// A clock may be set while a job sleeps: it looks at it this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Their names, in the log, in metrics and in the service's health.
pub const DETECTOR: &str = "detector";
/// See [`DETECTOR`].
pub const RETENTION: &str = "retention";
/// A scheduled time that passed while retention changed hands is made up for by whoever takes it over this soon.
const CATCH_UP_WINDOW: Duration = Duration::from_secs(60);

/// Marks silent sessions and machines while no other process does, until it is told to stop. Never ends otherwise.
pub async fn detector(tracker: Tracker, job: Job, metrics: Metrics, stop: CancellationToken) {
    let leadership = Leadership::of(tracker, DETECTOR, LeaseName::Detection, LeaseTiming::DEFAULT);
    let make = || {
        let (leadership, job, metrics) = (leadership.clone(), job.clone(), metrics.clone());
        async move {
            leadership.run_while_leader(|tracker| detect_again_and_again(tracker, job.clone(), metrics.clone())).await
        }
    };
    supervised(&job, &stop, make).await;
    leadership.release().await;
}

/// Ends when another process took over.
async fn detect_again_and_again(tracker: Tracker, job: Job, metrics: Metrics) {
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let pause = match tracker.detect().await {
            Ok(pass) => {
                job.done(tracker.now(), began.elapsed());
                metrics.detected(&pass);
                log_pass(&pass, began.elapsed());
                failures = 0;
                pass.next_pass_at.since(tracker.now())
            }
            Err(Error::Fenced) => return,
            Err(failure) => {
                warn!(job_name = DETECTOR, cause = %failure, "A detection pass failed; it is tried again");
                job.failed(tracker.now(), began.elapsed(), failure);
                failures += 1;
                backoff(failures, Duration::from_millis(100), LONGEST_BACKOFF.min(tracker.policy().detect_interval))
            }
        };
        let interval = tracker.policy().detect_interval;
        tokio::time::sleep(pause.clamp(LEAST_PAUSE, interval.max(LEAST_PAUSE))).await;
    }
}

/// Deletes old sessions at the times of a schedule while no other process does, until it is told to stop. Never ends
/// otherwise.
pub async fn retention(tracker: Tracker, schedule: Schedule, job: Job, stop: CancellationToken) {
    let started = tracker.now();
    let leadership = Leadership::of(tracker, RETENTION, LeaseName::Retention, LeaseTiming::DEFAULT);
    let make = || {
        let (leadership, schedule, job) = (leadership.clone(), schedule.clone(), job.clone());
        async move {
            let work = |tracker| clean_up_again_and_again(tracker, schedule.clone(), job.clone(), started);
            leadership.run_while_leader(work).await;
        }
    };
    supervised(&job, &stop, make).await;
    leadership.release().await;
}

/// Ends when another process took over.
async fn clean_up_again_and_again(tracker: Tracker, schedule: Schedule, job: Job, started: Timestamp) {
    let mut due = schedule.after(tracker.now().minus(CATCH_UP_WINDOW).max(started));
    let mut failures = 0;
    loop {
        let Some(at) = due else {
            // A schedule without a next time: nothing is ever due.
            return std::future::pending().await;
        };
        let now = tracker.now();
        if now < at {
            tokio::time::sleep(at.since(now).min(LONGEST_SLEEP)).await;
            continue;
        }
        let began = Instant::now();
        match tracker.cleanup(None, CleanupMode::Delete, &mut log_deleted).await {
            Ok(report) => {
                job.done(tracker.now(), began.elapsed());
                info!(
                    job_name = RETENTION,
                    sessions_affected = report.deleted_sessions,
                    tasks_affected = report.deleted_tasks,
                    duration_ms = millis(began.elapsed()),
                    "Background job done"
                );
                failures = 0;
                due = schedule.after(tracker.now());
            }
            Err(Error::Fenced) => return,
            Err(failure) => {
                warn!(job_name = RETENTION, cause = %failure, "A retention pass failed; it is tried again");
                job.failed(tracker.now(), began.elapsed(), failure);
                failures += 1;
                tokio::time::sleep(backoff(failures, Duration::from_secs(1), LONGEST_SLEEP)).await;
            }
        }
    }
}

/// Says what a detection pass did.
pub fn log_pass(pass: &DetectionReport, duration: Duration) {
    for session in &pass.stalled {
        warn!(
            session_id = %session.session_id,
            project_id = session.project_id.as_str(),
            machine_id = session.machine_id.as_str(),
            time_since_heartbeat_ms = millis(session.silent_for),
            "Stalled session detected"
        );
    }
    for machine in &pass.offline {
        warn!(machine_id = machine.as_str(), "Silent machine is offline");
    }
    let sessions_affected = pass.stalled.len();
    let machines_affected = pass.offline.len();
    let duration_ms = millis(duration);
    if sessions_affected + machines_affected > 0 {
        info!(job_name = DETECTOR, sessions_affected, machines_affected, duration_ms, "Background job done");
    } else {
        debug!(job_name = DETECTOR, sessions_affected, machines_affected, duration_ms, "Background job done");
    }
}

/// Says which session a cleanup deleted.
pub fn log_deleted(session: &Expired) {
    info!(
        session_id = %session.session_id,
        project_id = session.project_id.as_str(),
        completed_at = %session.completed_at,
        "Old session deleted"
    );
}

/// Twice as long after each failure, up to a limit; anything from half of that, so that many do not come at once.
fn backoff(failures: u32, first: Duration, most: Duration) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(most).mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn millis(span: Duration) -> u64 {
    rekindle_api::duration_millis(span)
}

#[cfg(test)]
mod tests;
