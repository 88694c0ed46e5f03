//! Lets only those requests through that the access rule of their endpoint permits.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};

use crate::auth::access_rule::AccessRule;
use crate::auth::context::AuthContext;
use crate::denied_log::DeniedRequest;
use crate::state::AppState;

/// Answers 403, and records the refusal, where the rule does not permit the request.
pub(crate) async fn require_access(
    rule: AccessRule,
    state: Arc<AppState>,
    req: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // A request without a key does not reach an endpoint that needs one.
    let context = req.extensions().get::<AuthContext>().cloned();
    let refused = context.and_then(|context| Some((rule.check(&context.identity).err()?, context)));
    match refused {
        None => next.call(req).await,
        Some((error, context)) => {
            state.handles.metrics.auth_failed(error.code.as_str());
            state.denied_log.push(DeniedRequest::forbidden(&context, &req, &error));
            Ok(req.error_response(error))
        }
    }
}
