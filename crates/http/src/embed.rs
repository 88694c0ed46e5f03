//! What a service needs to mount the API: the routes, metrics for them, and a state with use cases only.

use std::sync::{Arc, LazyLock};

use actix_web::web::{Data, ServiceConfig};
use rekindle_core::Tracker;
use rekindle_telemetry::metrics::Metrics;

use crate::handlers::docs::ApiDocument;
use crate::openapi::openapi_json;
use crate::routes::{self, TABLE};
use crate::state::{AppState, Limits, ServerHandles};
use rekindle_api::ErrorCode;
use rekindle_jobs::JobRegistry;

/// Returns metrics that count requests by the routes of the API.
pub fn new_metrics() -> Metrics {
    let reasons = [ErrorCode::ApiKeyRequired, ErrorCode::ApiKeyMalformed, ErrorCode::ApiKeyInvalid];
    Metrics::new(TABLE.iter().map(|(path, _)| *path), &reasons.map(|code| code.as_str()))
}

impl Default for ServerHandles {
    /// Returns handles without a circuit breaker and without jobs.
    fn default() -> Self {
        let metrics = new_metrics();
        Self { jobs: JobRegistry::new(&metrics), metrics, circuit: None, environment: "development".to_owned() }
    }
}

impl AppState {
    /// Returns a state with these use cases and limits, without a circuit breaker and jobs. Its uptime starts now.
    pub fn new(tracker: Tracker, limits: Limits) -> Arc<Self> {
        Self::with_handles(tracker, limits, ServerHandles::default())
    }
}

/// Mounts the API in a service: everything under `/api`, and `/health`, `/healthz`, `/health/detailed`, `/ready`,
/// `/readyz` and `/metrics`. The host service handles all other paths; [`crate::not_found_route`] returns the API's
/// response for them.
pub fn configure(config: &mut ServiceConfig, state: &Arc<AppState>) {
    static JSON: LazyLock<String> = LazyLock::new(openapi_json);
    state.spawn_upkeep();
    config.app_data(Data::new(ApiDocument(|| JSON.as_str())));
    routes::mount(config, state);
}
