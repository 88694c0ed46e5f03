//! The log line of each request. It is built only if its level is enabled.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use rekindle_telemetry::logging;
use tracing::{Level, debug, enabled, error, info, warn};
use uuid::Uuid;

use super::request_info::RequestInfo;
use crate::auth::{given, masked, parse_key};
use crate::error::ApiError;
use crate::redact;
use crate::response::{LogFields, LogLevelHint};

/// The routes from whose paths the log takes ids.
const OF_TASK: &str = "/api/tasks/{id}";
const OF_MACHINE: &str = "/api/machines/{id}";

macro_rules! line {
    ($level:expr, $message:expr, $($fields:tt)*) => {
        match $level {
            Level::ERROR => error!($($fields)* "{}", $message),
            Level::WARN => warn!($($fields)* "{}", $message),
            Level::INFO => info!($($fields)* "{}", $message),
            _ => debug!($($fields)* "{}", $message),
        }
    };
}

/// Returns the session in a request's path. An API key in the place of the id is not returned.
pub(super) fn session_of(req: &ServiceRequest) -> Option<Uuid> {
    let id = req.path().strip_prefix("/api/sessions/")?.split('/').next().and_then(parse_key)?;
    let key = given(req.headers()).and_then(|key| parse_key(key.to_str().ok()?));
    (key != Some(id)).then_some(id)
}

/// Logs a request that was refused because of its key or a limit.
pub(super) fn refused(arrival: &RequestInfo, req: &ServiceRequest, error: &ApiError) {
    let is_failure = error.status == StatusCode::UNAUTHORIZED;
    // Each wrong key before the limit was logged as a warning; those beyond it must not fill the disk.
    let is_guesser = error.status == StatusCode::TOO_MANY_REQUESTS && arrival.standing.is_none();
    let level = match () {
        () if is_failure => Level::WARN,
        () if is_guesser => Level::DEBUG,
        () => level(arrival, Some(error), LogLevelHint::No),
    };
    let ip = req.peer_addr().map(|peer| peer.ip().to_string());
    let api_key = given(req.headers()).as_ref().map(masked);
    // The path of an unauthenticated request may contain anything.
    let session_id = arrival.session.filter(|_| !is_failure && !is_guesser).map(tracing::field::display);
    let what = if is_failure { "Authentication failed: " } else { "" };
    line!(
        level,
        format_args!("{what}{}", error.message),
        request_id = %arrival.id,
        endpoint = &*redact::path(arrival.uri.path()),
        method = arrival.method.as_str(),
        status = error.status.as_u16(),
        session_id,
        ip = ip.as_deref(),
        api_key = api_key.as_deref(),
        code = error.code.as_str(),
    );
}

/// Logs a request that got a response.
pub(super) fn answered(arrival: &RequestInfo, response: &mut ServiceResponse, error: Option<&ApiError>) {
    let note = response.response_mut().extensions_mut().remove::<LogFields>().unwrap_or_default();
    let level = level(arrival, error, note.alarming);
    let listened = match level {
        Level::DEBUG => enabled!(Level::DEBUG),
        Level::INFO => enabled!(Level::INFO),
        _ => true,
    };
    if !listened {
        return;
    }
    let req = response.request();
    let endpoint = req.match_pattern();
    let named = |prefix: &str| {
        let matches = endpoint.as_deref().is_some_and(|pattern| pattern.starts_with(prefix));
        matches.then(|| req.match_info().get("id")).flatten()
    };
    let key = given(req.headers());
    let key = key.as_ref();
    // An API key in the wrong place must not appear in the log.
    let clean = |text| redact::without(text, key);
    let session = arrival.session.map(|id| id.to_string());
    if level == Level::DEBUG
        && error.is_none()
        && is_beat(arrival.uri.path())
        && !logging::should_log(arrival.uri.path())
    {
        return;
    }
    let message = match (error, note.message) {
        (Some(error), _) => error.message.as_str(),
        (None, "") => "Request answered",
        (None, message) => message,
    };
    let ip = req.peer_addr().map(|peer| peer.ip().to_string());
    line!(
        level,
        clean(message),
        request_id = %arrival.id,
        endpoint = endpoint.as_deref().unwrap_or(&redact::path(arrival.uri.path())),
        method = arrival.method.as_str(),
        status = error.map_or(response.status(), |error| error.status).as_u16(),
        duration_ms = milliseconds(arrival),
        session_id = note.session_id.as_deref().or(session.as_deref()),
        project_id = note.project_id.as_deref(),
        machine_id = note.machine_id.as_deref().or(named(OF_MACHINE)).map(clean).as_deref(),
        task_id = note.task_id.as_deref().or(named(OF_TASK)).map(clean).as_deref(),
        original_session_id = note.original_session_id.as_deref(),
        new_session_id = note.new_session_id.as_deref(),
        error_message = note.error_message.as_deref().map(clean).as_deref(),
        last_heartbeat = note.last_heartbeat.as_deref(),
        sessions_affected = note.sessions_affected,
        ip = ip.as_deref(),
        api_key = key.map(masked).as_deref(),
        code = error.map(|error| error.code.as_str()),
        cause = error.and_then(|error| error.cause.as_deref()).map(clean).as_deref(),
    );
}

/// Logs a request that timed out or panicked.
pub(super) fn lost(arrival: &RequestInfo, error: &ApiError) {
    let level = level(arrival, Some(error), LogLevelHint::No);
    line!(
        level,
        error.message,
        request_id = %arrival.id,
        endpoint = &*redact::path(arrival.uri.path()),
        method = arrival.method.as_str(),
        status = error.status.as_u16(),
        duration_ms = milliseconds(arrival),
        session_id = arrival.session.map(tracing::field::display),
        code = error.code.as_str(),
        cause = error.cause.as_deref(),
    );
}

/// Returns the level: error for failures of the server, warning for what an operator or a client's author should
/// examine, debug for routine requests.
fn level(arrival: &RequestInfo, error: Option<&ApiError>, alarming: LogLevelHint) -> Level {
    let path = arrival.uri.path();
    let beat = is_beat(path);
    match error.map(|error| error.status) {
        Some(StatusCode::INTERNAL_SERVER_ERROR) => Level::ERROR,
        Some(status) if status.is_server_error() || status == StatusCode::BAD_REQUEST || beat => Level::WARN,
        Some(_) => Level::INFO,
        None if alarming == LogLevelHint::Yes => Level::WARN,
        None if beat || !path.starts_with("/api/") => Level::DEBUG,
        None => Level::INFO,
    }
}

fn is_beat(path: &str) -> bool {
    path.ends_with("/heartbeat")
}

fn milliseconds(arrival: &RequestInfo) -> f64 {
    let micros = u32::try_from(arrival.at.elapsed().as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}
