//! Responses: JSON, with the headers of entities, and fields for the log line of the request.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use rekindle_core::Version;
use serde::Serialize;

use crate::error::ApiError;

/// What a handler returns.
pub(crate) type HandlerResult = Result<HttpResponse, ApiError>;

/// The header of a stored response that is returned again.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// The initial capacity of a body: it fits a session without metadata.
const USUAL_BYTES: usize = 768;

/// Returns a response with this body.
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> HandlerResult {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut bytes, body).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut response = HttpResponse::with_body(status, bytes).map_into_boxed_body();
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// Returns a response that shows an entity, with its revision as the `ETag`.
pub(crate) fn entity<T: Serialize>(status: StatusCode, version: Version, body: &T) -> HandlerResult {
    let mut response = json(status, body)?;
    set(&mut response, header::ETAG, &format!("\"{}\"", version.revision));
    Ok(response)
}

/// Returns the response to the creation of an entity, with its `Location`.
pub(crate) fn created<T: Serialize>(location: &str, version: Version, body: &T) -> HandlerResult {
    let mut response = entity(StatusCode::CREATED, version, body)?;
    set(&mut response, header::LOCATION, location);
    Ok(response)
}

/// Returns a 204.
pub(crate) fn no_content() -> HandlerResult {
    Ok(HttpResponse::NoContent().finish())
}

/// Sets a header. The value comes from the server, so it is always valid.
pub(crate) fn set(response: &mut HttpResponse, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Marks a response that is not an error, whatever its status: its body is not replaced by the envelope.
pub(crate) struct RawBody;

/// Additional fields of a request's log line. They never contain a key or a value of metadata.
#[derive(Debug, Default)]
pub(crate) struct LogFields {
    /// The message, such as `Session created`.
    pub message: &'static str,
    /// Whether the line is a warning.
    pub alarming: LogLevelHint,
    /// The id of the session, if the path does not name it.
    pub session_id: Option<String>,
    /// The project of the session.
    pub project_id: Option<String>,
    /// The machine of the session.
    pub machine_id: Option<String>,
    /// The id of the task.
    pub task_id: Option<String>,
    /// The id of the session that was recovered.
    pub original_session_id: Option<String>,
    /// The id of its successor.
    pub new_session_id: Option<String>,
    /// The reason why a session failed.
    pub error_message: Option<String>,
    /// The time of the heartbeat.
    pub last_heartbeat: Option<String>,
    /// The number of sessions that a job changed.
    pub sessions_affected: Option<u64>,
}

/// Whether a log line is a warning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LogLevelHint {
    /// The usual level.
    #[default]
    No,
    /// A warning.
    Yes,
}

/// Adds the fields to a response.
pub(crate) fn with_log(result: HandlerResult, fields: LogFields) -> HandlerResult {
    let mut response = result?;
    response.extensions_mut().insert(fields);
    Ok(response)
}
