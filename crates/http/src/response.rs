//! Answers: JSON, with the headers that belong to entities, and notes for the log line of the request.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use rekindle_core::Version;
use serde::Serialize;

use crate::error::ApiError;

/// What a handler returns.
pub type HandlerResult = Result<HttpResponse, ApiError>;

/// Says that a repeated request was answered with what the first one had done.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// A session without metadata fits, so that most answers are written without growing.
const USUAL_BYTES: usize = 768;

/// An answer with this body.
pub fn json<T: Serialize>(status: StatusCode, body: &T) -> HandlerResult {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(&mut bytes, body).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut response = HttpResponse::with_body(status, bytes).map_into_boxed_body();
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    Ok(response)
}

/// An answer that is an entity: its revision is its `ETag`.
pub fn entity<T: Serialize>(status: StatusCode, version: Version, body: &T) -> HandlerResult {
    let mut response = json(status, body)?;
    set(&mut response, header::ETAG, &format!("\"{}\"", version.revision));
    Ok(response)
}

/// An answer to the creation of an entity, which says where it is.
pub fn created<T: Serialize>(location: &str, version: Version, body: &T) -> HandlerResult {
    let mut response = entity(StatusCode::CREATED, version, body)?;
    set(&mut response, header::LOCATION, location);
    Ok(response)
}

/// An answer without a body.
pub fn no_content() -> HandlerResult {
    Ok(HttpResponse::NoContent().finish())
}

/// Sets a header whose value is ours to choose, and so always valid.
pub fn set(response: &mut HttpResponse, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Marks an answer that is no error whatever its status says: it goes out as it is.
pub struct RawBody;

/// What the log line of a request says besides the usual. Never a key, nor a value of metadata.
#[derive(Debug, Default)]
pub struct LogFields {
    /// What happened, such as `Session created`.
    pub message: &'static str,
    /// Whether it is something to look at.
    pub alarming: LogLevelHint,
    /// The session, when the path does not name it.
    pub session_id: Option<String>,
    /// Its project.
    pub project_id: Option<String>,
    /// Its machine.
    pub machine_id: Option<String>,
    /// The task.
    pub task_id: Option<String>,
    /// The session that was recovered.
    pub original_session_id: Option<String>,
    /// Its successor.
    pub new_session_id: Option<String>,
    /// Why a session failed.
    pub error_message: Option<String>,
    /// What a heartbeat set.
    pub last_heartbeat: Option<String>,
    /// How many sessions a job touched.
    pub sessions_affected: Option<u64>,
}

/// Whether a note is something to look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogLevelHint {
    /// The usual.
    #[default]
    No,
    /// Worth a warning.
    Yes,
}

/// Adds a note to an answer.
pub fn with_log(answer: HandlerResult, note: LogFields) -> HandlerResult {
    let mut response = answer?;
    response.extensions_mut().insert(note);
    Ok(response)
}
