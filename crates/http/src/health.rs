//! The detailed health of the service: checks, each with a name and a time limit. All run concurrently; a check that
//! hangs or panics does not affect the others.

mod check;
mod database;
mod jobs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle_core::Tracker;
use rekindle_layers::CircuitBreaker;
use tokio::task::JoinSet;
use tracing::warn;

pub use check::{Check, CheckResult};
use rekindle_api::HealthStatus;
use rekindle_jobs::JobRegistry;

/// The checks of a service, in the order of registration.
#[derive(Clone, Default)]
pub struct Checks(Vec<Arc<dyn Check>>);

impl Checks {
    /// Returns the standard checks: the database and the background jobs.
    pub fn standard(tracker: &Tracker, circuit: Option<Arc<CircuitBreaker>>, jobs: &JobRegistry) -> Self {
        let database = database::Database::new(tracker.clone(), circuit);
        let jobs = jobs::Jobs::new(tracker.clone(), jobs.clone());
        Self::default().with(database).with(jobs)
    }

    /// Adds a check.
    #[must_use]
    pub fn with(mut self, check: impl Check) -> Self {
        self.0.push(Arc::new(check));
        self
    }

    /// Runs all checks concurrently. Returns the worst status, and the name and result of each check in the order of
    /// registration.
    pub async fn run(&self) -> (HealthStatus, Vec<(&'static str, CheckResult)>) {
        let mut running = JoinSet::new();
        for (index, check) in self.0.iter().enumerate() {
            let check = Arc::clone(check);
            running.spawn(async move { (index, run_check(check).await) });
        }
        let mut results = vec![None; self.0.len()];
        while let Some(ended) = running.join_next().await {
            if let Ok((index, result)) = ended {
                results[index] = Some(result);
            }
        }
        let timed_out = |check: &Arc<dyn Check>| check.timed_out(Duration::ZERO, "the check did not come to its end");
        let each = self.0.iter().zip(results);
        let each: Vec<_> =
            each.map(|(check, found)| (check.name(), found.unwrap_or_else(|| timed_out(check)))).collect();
        (each.iter().map(|(_, found)| found.status).max().unwrap_or(HealthStatus::Ok), each)
    }
}

/// Runs one check in a task of its own, which contains a panic.
async fn run_check(check: Arc<dyn Check>) -> CheckResult {
    let started = Instant::now();
    let running = Arc::clone(&check);
    let mut task = tokio::spawn(async move { running.check().await });
    let why = match tokio::time::timeout(check.time_limit(), &mut task).await {
        Ok(Ok(result)) => return result,
        Ok(Err(_)) => "the check panicked; the log says how",
        Err(_) => "the check took too long",
    };
    task.abort();
    warn!(
        check = check.name(),
        duration_ms = rekindle_api::duration_millis(started.elapsed()),
        "A health check failed: {why}"
    );
    check.timed_out(started.elapsed(), why)
}

#[cfg(test)]
mod tests;
