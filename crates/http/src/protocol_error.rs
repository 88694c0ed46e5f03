//! The body of an answer to what never became a request: the one envelope, without a path.

use rekindle_core::{Clock, SystemClock};
use rekindle_listener::ProtocolError;

use rekindle_api::ErrorBody;

/// Returns the body of the answer, in JSON.
pub fn protocol_error_body(error: &ProtocolError) -> String {
    let body = ErrorBody {
        status_code: error.status.as_u16(),
        error: error.status.canonical_reason().unwrap_or("Error").to_owned(),
        message: error.message.clone(),
        timestamp: SystemClock.now().into(),
        // It is not known what was asked for.
        path: String::new(),
        request_id: error.request_id,
        code: error.code.to_owned(),
        details: Vec::new(),
    };
    // Made of texts and numbers, which always can be written.
    serde_json::to_string(&body).unwrap_or_default()
}
