//! What a check is, and what it finds.

use std::time::Duration;

use async_trait::async_trait;
use rekindle_api::{HealthStatus, Object};
use serde::Serialize;

/// The result of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    /// The status of the checked component.
    pub status: HealthStatus,
    /// The JSON object that the response shows; it contains the status.
    pub shown: Object,
}

impl CheckResult {
    /// Returns a result with this body of the API, which contains the status.
    pub fn of(status: HealthStatus, body: &impl Serialize) -> Self {
        // Every body of the API is an object and can be serialized.
        let shown = serde_json::to_value(body).ok().and_then(|body| body.as_object().cloned()).unwrap_or_default();
        Self { status, shown }
    }
}

/// A check of something that the service depends on.
#[async_trait]
pub trait Check: Send + Sync + 'static {
    /// Returns the name under which the result is shown.
    fn name(&self) -> &'static str;

    /// Returns the time limit of the check.
    fn time_limit(&self) -> Duration;

    /// Runs the check.
    async fn check(&self) -> CheckResult;

    /// Returns the result of a check that timed out or panicked.
    fn timed_out(&self, took: Duration, why: &'static str) -> CheckResult;
}
