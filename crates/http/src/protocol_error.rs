//! The body of the response to a malformed HTTP request: the common envelope, without a path.

use rekindle_core::{Clock, SystemClock};
use rekindle_listener::ProtocolError;

use rekindle_api::ErrorBody;

/// Returns the body of the response as JSON.
pub fn protocol_error_body(error: &ProtocolError) -> String {
    let body = ErrorBody {
        status_code: error.status.as_u16(),
        error: error.status.canonical_reason().unwrap_or("Error").to_owned(),
        message: error.message.clone(),
        timestamp: SystemClock.now().into(),
        // The requested path is not known.
        path: String::new(),
        request_id: error.request_id,
        code: error.code.to_owned(),
        details: Vec::new(),
    };
    // The body consists of texts and numbers, which can always be serialized.
    serde_json::to_string(&body).unwrap_or_default()
}
