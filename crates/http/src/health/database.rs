//! Health of the database: whether it answers a simple query, and the response time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rekindle_core::{Error, StoreError, Tracker};
use rekindle_layers::{CircuitBreaker, Snapshot};

use super::check::{Check, CheckResult};
use crate::error::ApiError;
use rekindle_api::{CircuitHealth, DatabaseHealth, HealthStatus};

pub(super) struct Database {
    tracker: Tracker,
    circuit: Option<Arc<CircuitBreaker>>,
}

impl Database {
    pub(super) fn new(tracker: Tracker, circuit: Option<Arc<CircuitBreaker>>) -> Self {
        Self { tracker, circuit }
    }

    fn found(&self, status: HealthStatus, took: Duration, message: Option<String>) -> CheckResult {
        // Rounded to the microsecond.
        let response_time_ms = (took.as_secs_f64() * 1_000_000.0).round() / 1000.0;
        let circuit = self.circuit.as_ref().map(|circuit| circuit_health(circuit.snapshot()));
        let connected = status != HealthStatus::Error;
        CheckResult::of(status, &DatabaseHealth { status, response_time_ms, connected, message, circuit })
    }
}

fn circuit_health(snapshot: Snapshot) -> CircuitHealth {
    let Snapshot { state, failures, opened_at, next_probe_at } = snapshot;
    let state = state.as_str().to_owned();
    CircuitHealth {
        state,
        failures,
        opened_at: opened_at.map(Into::into),
        next_probe_at: next_probe_at.map(Into::into),
    }
}

#[async_trait]
impl Check for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn check(&self) -> CheckResult {
        let began = Instant::now();
        let answer = self.tracker.sessions().counts().await;
        let status = match &answer {
            Ok(_) => HealthStatus::Ok,
            // The database is reachable, but overloaded.
            Err(Error::Store(StoreError::Overloaded(_))) => HealthStatus::Degraded,
            Err(_) => HealthStatus::Error,
        };
        // The same message as in an error response: the cause goes to the log only.
        self.found(status, began.elapsed(), answer.err().map(|error| ApiError::from(error).message))
    }

    fn timed_out(&self, took: Duration, why: &'static str) -> CheckResult {
        self.found(HealthStatus::Error, took, Some(why.to_owned()))
    }
}
