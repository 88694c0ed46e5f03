//! Counts requests. This middleware is the outermost one, so that no response is missed.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use rekindle_telemetry::metrics::Metrics;

/// Counts a request, also one whose connection ends before its response is ready.
pub(crate) async fn count_request<B: MessageBody + 'static>(
    metrics: Metrics,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let in_flight = metrics.request(req.method().as_str(), req.path());
    let result = next.call(req).await;
    let status = match &result {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    in_flight.ended(status.as_u16());
    result
}
