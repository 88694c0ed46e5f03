//! What runs by itself: the detector, retention and backups. Each is a loop round one pass of the core, in one process of those
//! that share a store (`leadership`); when a pass fails it is tried again, when it panics the job is started again.

mod backup;
mod leadership;
mod schedule;

use std::future::Future;
use std::time::{Duration, Instant};

pub use backup::backups;
use leadership::{Leadership, Terms};
use rekindle_core::store::{Duty, Expired};
use rekindle_core::tracker::{CleanupMode, Pass};
use rekindle_core::{Error, Timestamp, Tracker};
pub use schedule::Schedule;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

/// No pass follows another faster, whatever the deadlines say.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
/// A pass that failed is tried again no later than this: silence does not wait for the store.
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// A clock may be set while a job sleeps: it looks at it this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// A job that lived so long before it died starts its count of deaths anew.
const LIVED_WELL: Duration = Duration::from_secs(600);
/// A job that died is started again no sooner and no later than this.
const RESTART: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Their names in the log.
const DETECTOR: &str = "detector";
const RETENTION: &str = "retention";
/// A scheduled time that passed while retention changed hands is made up for by whoever takes it over this soon.
const MADE_UP_FOR: Duration = Duration::from_secs(60);

/// Marks silent sessions and machines while no other process does, until it is told to stop. Never ends otherwise.
pub async fn detector(tracker: Tracker, stop: CancellationToken) {
    let leadership = Leadership::of(tracker, DETECTOR, Duty::Detection, Terms::DEFAULT);
    let make = || {
        let leadership = leadership.clone();
        async move { leadership.lead(detect_again_and_again).await }
    };
    supervised(DETECTOR, &stop, make).await;
    leadership.give_back().await;
}

/// Ends when another process took over.
async fn detect_again_and_again(tracker: Tracker) {
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let pause = match tracker.detect().await {
            Ok(pass) => {
                log_pass(&pass, began.elapsed());
                failures = 0;
                pass.next_look.since(tracker.now())
            }
            Err(Error::Fenced) => return,
            Err(failure) => {
                warn!(job_name = DETECTOR, cause = %failure, "A detection pass failed; it is tried again");
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
pub async fn retention(tracker: Tracker, schedule: Schedule, stop: CancellationToken) {
    let started = tracker.now();
    let leadership = Leadership::of(tracker, RETENTION, Duty::Retention, Terms::DEFAULT);
    let make = || {
        let (leadership, schedule) = (leadership.clone(), schedule.clone());
        async move { leadership.lead(|tracker| clean_up_again_and_again(tracker, schedule.clone(), started)).await }
    };
    supervised(RETENTION, &stop, make).await;
    leadership.give_back().await;
}

/// Ends when another process took over.
async fn clean_up_again_and_again(tracker: Tracker, schedule: Schedule, started: Timestamp) {
    let mut due = schedule.after(tracker.now().minus(MADE_UP_FOR).max(started));
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
                failures += 1;
                tokio::time::sleep(backoff(failures, Duration::from_secs(1), LONGEST_SLEEP)).await;
            }
        }
    }
}

/// Says what a detection pass did.
pub fn log_pass(pass: &Pass, duration: Duration) {
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

/// Runs a job in a task of its own, and starts it again when it dies, until it is told to stop.
async fn supervised<F>(name: &'static str, stop: &CancellationToken, make: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut deaths = 0;
    loop {
        let began = Instant::now();
        let mut job = tokio::spawn(make());
        let ended = tokio::select! {
            () = stop.cancelled() => None,
            ended = &mut job => Some(ended),
        };
        let Some(ended) = ended else {
            job.abort();
            // It is gone, or about to be: either way it asks the store nothing more.
            let _ = job.await;
            return;
        };
        // One that lived for long is not one that keeps dying.
        deaths = if began.elapsed() > LIVED_WELL { 1 } else { deaths + 1 };
        let pause = backoff(deaths, RESTART.0, RESTART.1);
        let cause = ended.err().map(|death| death.to_string());
        error!(job_name = name, cause = cause.as_deref(), restart_in_ms = millis(pause), "A background job died");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Twice as long after each failure, up to a limit; anything from half of that, so that many do not come at once.
fn backoff(failures: u32, first: Duration, most: Duration) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(most).mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn millis(span: Duration) -> u64 {
    crate::api::time_ms(span)
}

#[cfg(test)]
mod tests;
