//! The metrics, for Prometheus.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;

use crate::response::HandlerResult;
use crate::state::{AppState, ServerHandles};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The metrics
///
/// In Prometheus' text format. The numbers of sessions, tasks and machines are read from the store at most once a
/// second, and left out while it is out of reach.
#[utoipa::path(
    get, path = "/metrics", tag = "service", operation_id = "getMetrics",
    responses((status = 200, description = "Every metric", content_type = "text/plain", body = String)),
)]
pub(crate) async fn metrics(state: Data<AppState>) -> HandlerResult {
    let ServerHandles { metrics, circuit, jobs, .. } = &state.handles;
    let last_successes = jobs.shown().into_iter().filter_map(|job| Some((job.name, job.last_success?)));
    let last_successes: Vec<_> = last_successes.collect();
    let page = metrics.page(state.tracker.store().as_ref(), circuit.as_deref(), &last_successes).await;
    let mut response = HttpResponse::with_body(StatusCode::OK, page).map_into_boxed_body();
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    Ok(response)
}
