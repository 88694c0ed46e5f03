//! Whether the process answers, and whether it can do its work.

use actix_web::http::StatusCode;
use actix_web::web::Data;

use crate::ApiError;
use crate::answer::{Answer, json};
use crate::api::{Health, Ready};
use crate::context::Context;

/// Whether the process answers
#[utoipa::path(
    get, path = "/health", tag = "service", operation_id = "getHealth",
    responses((status = 200, description = "It does", body = Health)),
)]
pub async fn health(context: Data<Context>) -> Answer {
    let timestamp = context.tracker().now().into();
    json(StatusCode::OK, &Health { status: "ok".to_owned(), timestamp, uptime: uptime(&context) })
}

/// Seconds, to the millisecond.
fn uptime(context: &Context) -> f64 {
    let millis = u64::try_from(context.uptime().as_millis()).unwrap_or(u64::MAX).max(1);
    #[expect(clippy::cast_precision_loss, reason = "exact for the next 285,000 years")]
    let seconds = millis as f64 / 1000.0;
    seconds
}

/// Whether the service can do its work
///
/// Not while it is shutting down, nor while its store is out of reach. The store's answer stands for a second.
#[utoipa::path(
    get, path = "/ready", tag = "service", operation_id = "getReadiness",
    responses(
        (status = 200, description = "It can", body = Ready),
        (status = 503, description = "`draining`, or `store_unavailable`"),
    ),
)]
pub async fn ready(context: Data<Context>) -> Answer {
    if context.is_draining() {
        return Err(ApiError::draining());
    }
    context.store_ready().await?;
    json(StatusCode::OK, &Ready { status: "ready".to_owned() })
}
