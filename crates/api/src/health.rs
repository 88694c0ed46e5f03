//! Whether the service is up, as it is answered.

use serde::{Deserialize, Serialize};

use crate::object::Object;
use crate::time::Time;

/// The process answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Health {
    /// Always `ok`.
    #[cfg_attr(feature = "schema", schema(example = "ok"))]
    pub status: String,
    /// Now.
    pub timestamp: Time,
    /// For how many seconds the process has been running.
    #[cfg_attr(feature = "schema", schema(example = 12.345))]
    pub uptime: f64,
}

/// The service can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Ready {
    /// Always `ready`.
    #[cfg_attr(feature = "schema", schema(example = "ready"))]
    pub status: String,
}

/// How something stands; the later the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DetailedHealth {
    /// As the worst of the dependencies.
    pub status: HealthStatus,
    /// Now.
    pub timestamp: Time,
    /// For how many seconds the process has been running.
    #[cfg_attr(feature = "schema", schema(example = 12.345))]
    pub uptime: f64,
    /// What each check found, by its name.
    #[cfg_attr(feature = "schema", schema(value_type = Dependencies))]
    pub dependencies: Object,
    /// The version that runs.
    #[cfg_attr(feature = "schema", schema(example = "0.1.0"))]
    pub version: String,
    /// Its `ENVIRONMENT`.
    #[cfg_attr(feature = "schema", schema(example = "production"))]
    pub environment: String,
}

/// What the checks found; others may be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Dependencies {
    /// The store.
    pub database: DatabaseHealth,
    /// What runs by itself.
    pub background_jobs: JobsHealth,
}

/// How the store stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DatabaseHealth {
    /// An error if it does not answer within five seconds.
    pub status: HealthStatus,
    /// How long it took to answer, or not to.
    #[cfg_attr(feature = "schema", schema(example = 1.234))]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CircuitHealth {
    /// `closed`: all get through; `open`: nothing does; `half_open`: one call finds out.
    #[cfg_attr(feature = "schema", schema(example = "closed"))]
    pub state: String,
    /// How many failures count at present.
    pub failures: u32,
    /// Since when nothing gets through.
    pub opened_at: Option<Time>,
    /// When the next call will be let through.
    pub next_probe_at: Option<Time>,
}

/// How the background jobs stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobHealth {
    /// Its name.
    #[cfg_attr(feature = "schema", schema(example = "detector"))]
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
