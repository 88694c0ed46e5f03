//! The metrics, for Prometheus.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;

use crate::response::HandlerResult;
use crate::state::AppState;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The metrics
///
/// In Prometheus' text format. The numbers of sessions, tasks and machines are read from the store at most once a
/// second, and left out while it is out of reach.
#[utoipa::path(
    get, path = "/metrics", tag = "service", operation_id = "getMetrics",
    responses((status = 200, description = "Every metric", content_type = "text/plain", body = String)),
)]
pub(crate) async fn metrics(context: Data<AppState>) -> HandlerResult {
    let mut response = HttpResponse::with_body(StatusCode::OK, context.metrics_page().await).map_into_boxed_body();
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    Ok(response)
}
