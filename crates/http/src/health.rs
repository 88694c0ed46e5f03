//! The service's health in detail: checks, each registered under its name with a time limit of its own. They are made at once;
//! one that hangs or panics is an error of that check alone.

mod database;
mod jobs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rekindle_core::Tracker;
use rekindle_layers::CircuitBreaker;
use serde::Serialize;
use tokio::task::JoinSet;
use tracing::warn;

use rekindle_api::{HealthStatus, Object};
use rekindle_jobs::JobRegistry;

/// What a check found: how it stands, and what is shown of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    /// How it stands.
    pub status: HealthStatus,
    /// What is shown, with the status in it.
    pub shown: Object,
}

impl CheckResult {
    /// These, of a body of the API that holds the status.
    pub fn of(status: HealthStatus, body: &impl Serialize) -> Self {
        // A body of ours is an object, and can always be written.
        let shown = serde_json::to_value(body).ok().and_then(|body| body.as_object().cloned()).unwrap_or_default();
        Self { status, shown }
    }
}

/// Something that the service depends on.
#[async_trait]
pub trait Check: Send + Sync + 'static {
    /// Under which it is shown.
    fn name(&self) -> &'static str;

    /// How long it may take.
    fn time_limit(&self) -> Duration;

    /// Looks.
    async fn check(&self) -> CheckResult;

    /// What is shown when it took too long, or panicked.
    fn timed_out(&self, took: Duration, why: &'static str) -> CheckResult;
}

/// The checks of a service.
#[derive(Clone, Default)]
pub struct Checks(Vec<Arc<dyn Check>>);

impl Checks {
    /// The usual ones: the database, and the background jobs.
    pub fn standard(tracker: &Tracker, circuit: Option<Arc<CircuitBreaker>>, board: &JobRegistry) -> Self {
        let database = database::Database::new(tracker.clone(), circuit);
        let jobs = jobs::Jobs::new(tracker.clone(), board.clone());
        Self::default().with(database).with(jobs)
    }

    /// These and one more.
    #[must_use]
    pub fn with(mut self, check: impl Check) -> Self {
        self.0.push(Arc::new(check));
        self
    }

    /// Makes all of them at once: how all stands, which is as its worst, and what each found, in the order in which they were
    /// registered.
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

/// Makes one check, in a task of its own: a panic ends there.
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
