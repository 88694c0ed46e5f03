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
    pub fn standard(tracker: &Tracker, circuit: Option<Arc<CircuitBreaker>>, board: &JobRegistry) -> Self {
        let database = database::Database::new(tracker.clone(), circuit);
        let jobs = jobs::Jobs::new(tracker.clone(), board.clone());
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
    pub async fn look(&self) -> (HealthStatus, Vec<(&'static str, CheckResult)>) {
        let mut under_way = JoinSet::new();
        for (place, check) in self.0.iter().enumerate() {
            let check = Arc::clone(check);
            under_way.spawn(async move { (place, found_by(check).await) });
        }
        let mut found = vec![None; self.0.len()];
        while let Some(ended) = under_way.join_next().await {
            if let Ok((place, findings)) = ended {
                found[place] = Some(findings);
            }
        }
        let lost = |check: &Arc<dyn Check>| check.timed_out(Duration::ZERO, "the check did not come to its end");
        let each = self.0.iter().zip(found);
        let each: Vec<_> = each.map(|(check, found)| (check.name(), found.unwrap_or_else(|| lost(check)))).collect();
        (each.iter().map(|(_, found)| found.status).max().unwrap_or(HealthStatus::Ok), each)
    }
}

/// Runs one check in a task of its own, which contains a panic.
async fn found_by(check: Arc<dyn Check>) -> CheckResult {
    let began = Instant::now();
    let looking = Arc::clone(&check);
    let mut task = tokio::spawn(async move { looking.check().await });
    let why = match tokio::time::timeout(check.time_limit(), &mut task).await {
        Ok(Ok(findings)) => return findings,
        Ok(Err(_)) => "the check panicked; the log says how",
        Err(_) => "the check took too long",
    };
    task.abort();
    warn!(
        check = check.name(),
        duration_ms = rekindle_api::duration_millis(began.elapsed()),
        "A health check failed: {why}"
    );
    check.timed_out(began.elapsed(), why)
}

#[cfg(test)]
mod tests;
