//! The log line of each request. It is built only if its level is enabled.

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use rekindle_telemetry::logging;
use tracing::{Level, debug, enabled, error, info, warn};
use uuid::Uuid;

use super::request_info::RequestInfo;
use crate::auth::{key_header, masked, parse_key};
use crate::error::ApiError;
use crate::redact;
use crate::response::{LogFields, LogLevelHint};

/// The routes from whose paths the log takes ids.
const TASK_ROUTE: &str = "/api/tasks/{id}";
const MACHINE_ROUTE: &str = "/api/machines/{id}";

/// Writes a log line with a level that is known at run time only.
macro_rules! log_at {
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
    let key = key_header(req.headers()).and_then(|key| parse_key(key.to_str().ok()?));
    (key != Some(id)).then_some(id)
}

/// Logs a request that was refused because of its key or a limit.
pub(super) fn log_refusal(info: &RequestInfo, req: &ServiceRequest, error: &ApiError) {
    let is_failure = error.status == StatusCode::UNAUTHORIZED;
    // Each wrong key before the limit was logged as a warning; those beyond it must not fill the disk.
    let is_beyond_limit = error.status == StatusCode::TOO_MANY_REQUESTS && info.rate_limit.is_none();
    let level = match () {
        () if is_failure => Level::WARN,
        () if is_beyond_limit => Level::DEBUG,
        () => level(info, Some(error), LogLevelHint::No),
    };
    let ip = req.peer_addr().map(|peer| peer.ip().to_string());
    let api_key = key_header(req.headers()).as_ref().map(masked);
    // The path of an unauthenticated request may contain anything.
    let session_id = info.session.filter(|_| !is_failure && !is_beyond_limit).map(tracing::field::display);
    let prefix = if is_failure { "Authentication failed: " } else { "" };
    log_at!(
        level,
        format_args!("{prefix}{}", error.message),
        request_id = %info.id,
        endpoint = &*redact::path(info.uri.path()),
        method = info.method.as_str(),
        status = error.status.as_u16(),
        session_id,
        ip = ip.as_deref(),
        api_key = api_key.as_deref(),
        code = error.code.as_str(),
    );
}

/// Logs a request that got a response.
pub(super) fn log_response(info: &RequestInfo, response: &mut ServiceResponse, error: Option<&ApiError>) {
    let fields = response.response_mut().extensions_mut().remove::<LogFields>().unwrap_or_default();
    let level = level(info, error, fields.alarming);
    let is_enabled = match level {
        Level::DEBUG => enabled!(Level::DEBUG),
        Level::INFO => enabled!(Level::INFO),
        _ => true,
    };
    if !is_enabled {
        return;
    }
    let req = response.request();
    let endpoint = req.match_pattern();
    let path_id = |prefix: &str| {
        let matches = endpoint.as_deref().is_some_and(|pattern| pattern.starts_with(prefix));
        matches.then(|| req.match_info().get("id")).flatten()
    };
    let key = key_header(req.headers());
    let key = key.as_ref();
    // An API key in the wrong place must not appear in the log.
    let redacted = |text| redact::without(text, key);
    let session = info.session.map(|id| id.to_string());
    if level == Level::DEBUG
        && error.is_none()
        && is_heartbeat(info.uri.path())
        && !logging::should_log(info.uri.path())
    {
        return;
    }
    let message = match (error, fields.message) {
        (Some(error), _) => error.message.as_str(),
        (None, "") => "Request answered",
        (None, message) => message,
    };
    let ip = req.peer_addr().map(|peer| peer.ip().to_string());
    log_at!(
        level,
        redacted(message),
        request_id = %info.id,
        endpoint = endpoint.as_deref().unwrap_or(&redact::path(info.uri.path())),
        method = info.method.as_str(),
        status = error.map_or(response.status(), |error| error.status).as_u16(),
        duration_ms = milliseconds(info),
        session_id = fields.session_id.as_deref().or(session.as_deref()),
        project_id = fields.project_id.as_deref(),
        machine_id = fields.machine_id.as_deref().or(path_id(MACHINE_ROUTE)).map(redacted).as_deref(),
        task_id = fields.task_id.as_deref().or(path_id(TASK_ROUTE)).map(redacted).as_deref(),
        original_session_id = fields.original_session_id.as_deref(),
        new_session_id = fields.new_session_id.as_deref(),
        error_message = fields.error_message.as_deref().map(redacted).as_deref(),
        last_heartbeat = fields.last_heartbeat.as_deref(),
        sessions_affected = fields.sessions_affected,
        ip = ip.as_deref(),
        api_key = key.map(masked).as_deref(),
        code = error.map(|error| error.code.as_str()),
        cause = error.and_then(|error| error.cause.as_deref()).map(redacted).as_deref(),
    );
}

/// Logs a request that timed out or panicked.
pub(super) fn log_aborted(info: &RequestInfo, error: &ApiError) {
    let level = level(info, Some(error), LogLevelHint::No);
    log_at!(
        level,
        error.message,
        request_id = %info.id,
        endpoint = &*redact::path(info.uri.path()),
        method = info.method.as_str(),
        status = error.status.as_u16(),
        duration_ms = milliseconds(info),
        session_id = info.session.map(tracing::field::display),
        code = error.code.as_str(),
        cause = error.cause.as_deref(),
    );
}

/// Returns the level: error for failures of the server, warning for what an operator or a client's author should
/// examine, debug for routine requests.
fn level(info: &RequestInfo, error: Option<&ApiError>, alarming: LogLevelHint) -> Level {
    let path = info.uri.path();
    let is_heartbeat = is_heartbeat(path);
    match error.map(|error| error.status) {
        Some(StatusCode::INTERNAL_SERVER_ERROR) => Level::ERROR,
        Some(status) if status.is_server_error() || status == StatusCode::BAD_REQUEST || is_heartbeat => Level::WARN,
        Some(_) => Level::INFO,
        None if alarming == LogLevelHint::Yes => Level::WARN,
        None if is_heartbeat || !path.starts_with("/api/") => Level::DEBUG,
        None => Level::INFO,
    }
}

fn is_heartbeat(path: &str) -> bool {
    path.ends_with("/heartbeat")
}

fn milliseconds(info: &RequestInfo) -> f64 {
    let micros = u32::try_from(info.started.elapsed().as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}
