//! Whether the service is up, as it is answered.

use rekindle_layers::{CircuitState, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Object, Time};
use rekindle_jobs::JobStatus;

/// The process answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: String,
    /// Now.
    pub timestamp: Time,
    /// For how many seconds the process has been running.
    #[schema(example = 12.345)]
    pub uptime: f64,
}

/// The service can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Always `ready`.
    #[schema(example = "ready")]
    pub status: String,
}

/// How something stands; the later the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Degraded,
    /// It does not work.
    Error,
}

/// The service and what it depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DetailedHealth {
    /// As the worst of the dependencies.
    pub status: HealthStatus,
    /// Now.
    pub timestamp: Time,
    /// For how many seconds the process has been running.
    #[schema(example = 12.345)]
    pub uptime: f64,
    /// What each check found, by its name.
    #[schema(value_type = Dependencies)]
    pub dependencies: Object,
    /// The version that runs.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// Its `ENVIRONMENT`.
    #[schema(example = "production")]
    pub environment: String,
}

/// What the checks found; others may be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dependencies {
    /// The store.
    pub database: DatabaseHealth,
    /// What runs by itself.
    pub background_jobs: JobsHealth,
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseHealth {
    /// An error if it does not answer within five seconds.
    pub status: HealthStatus,
    /// How long it took to answer, or not to.
    #[schema(example = 1.234)]
    pub response_time_ms: f64,
    /// Whether it answered.
    pub connected: bool,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The circuit to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit: Option<CircuitHealth>,
}

/// Where the circuit to the store stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CircuitHealth {
    /// `closed`: all get through; `open`: nothing does; `half_open`: one call finds out.
    #[schema(example = "closed")]
    pub state: String,
    /// How many failures count at present.
    pub failures: u32,
    /// Since when nothing gets through.
    pub opened_at: Option<Time>,
    /// When the next call will be let through.
    pub next_probe_at: Option<Time>,
}

impl From<Snapshot> for CircuitHealth {
    fn from(snapshot: Snapshot) -> Self {
        let Snapshot { state, failures, opened_at, next_probe_at } = snapshot;
        let state = CircuitState::as_str(state).to_owned();
        Self { state, failures, opened_at: opened_at.map(Into::into), next_probe_at: next_probe_at.map(Into::into) }
    }
}

/// How the background jobs stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobsHealth {
    /// Degraded when no detection pass has ended for more than ten minutes, or a job died.
    pub status: HealthStatus,
    /// When a detection pass was last made, by this process or by another on the same store.
    pub last_run: Option<Time>,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Each job, as this process sees it.
    pub jobs: Vec<JobHealth>,
}

/// How a background job fares in this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobHealth {
    /// Its name.
    #[schema(example = "detector")]
    pub name: String,
    /// When it last ran; null where another process does it.
    pub last_run: Option<Time>,
    /// When it last did its work.
    pub last_success: Option<Time>,
    /// How often it failed since then.
    pub failures: u32,
    /// How often it died and was started again.
    pub restarts: u32,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl From<JobStatus> for JobHealth {
    fn from(job: JobStatus) -> Self {
        let JobStatus { name, last_run, last_success, failures, restarts, last_error, alive: _ } = job;
        let (last_run, last_success) = (last_run.map(Into::into), last_success.map(Into::into));
        Self { name: name.to_owned(), last_run, last_success, failures, restarts, last_error }
    }
}
