//! Parsers of values on the command line, with an error message for each kind of invalid value.

use std::time::Duration;

use rekindle_api::{Object, Time};
use uuid::Uuid;

use crate::error::CliError;

/// Parses a JSON object, such as `{"k":1}`.
///
/// # Errors
/// Fails if the text is not a JSON object.
pub(crate) fn object(text: &str) -> Result<Object, String> {
    serde_json::from_str(text).map_err(|error| format!("must be a JSON object such as '{{\"k\":1}}': {error}"))
}

/// Parses the id of a session or a task.
///
/// # Errors
/// Fails if the text is not an id, with a message that says where ids are shown.
pub(crate) fn id(text: &str) -> Result<Uuid, String> {
    let words = "must be a whole id such as 6fa459ea-ee8a-4ca4-894e-db77e160355e; `list` shows them";
    Uuid::try_parse(text).map_err(|_| words.to_owned())
}

/// Parses a span of time such as `20s` or `1m30s`. A bare number is seconds.
///
/// # Errors
/// Fails if the text is not a span, or if the span is too short to be intended.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse::<u64>() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).map_err(|error| format!("must be like 20s or 500ms: {error}")),
    };
    parsed.and_then(|span| match span {
        short if short < Duration::from_millis(100) => Err("must be at least 100ms".to_owned()),
        span => Ok(span),
    })
}

/// Parses a span of whole days, such as `90d`. A bare number is days.
///
/// # Errors
/// Fails if the text is not a number of days.
pub(crate) fn days(text: &str) -> Result<u64, String> {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let words = || "must be whole days such as 90d, and at most 3650".to_owned();
    let days = match text.parse::<u64>() {
        Ok(days) => days,
        Err(_) => {
            let span = humantime::parse_duration(text).map_err(|_| words())?;
            if span.as_secs() % DAY.as_secs() != 0 || span.subsec_nanos() != 0 {
                return Err(words());
            }
            span.as_secs() / DAY.as_secs()
        }
    };
    if (1..=3650).contains(&days) { Ok(days) } else { Err(words()) }
}

/// Parses a point in time such as `2026-01-19T08:30:00Z`.
///
/// # Errors
/// Fails if the text is not a time.
pub(crate) fn moment(text: &str) -> Result<Time, String> {
    text.parse().map_err(|error: rekindle_api::InvalidTextError| error.0)
}

/// Returns the named machine, or the name of this host.
///
/// # Errors
/// Fails if the name of this host is not valid UTF-8.
pub(crate) fn this_machine(named: Option<String>) -> Result<String, CliError> {
    if let Some(named) = named {
        return Ok(named);
    }
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).filter(|name| !name.is_empty());
    host.ok_or_else(|| CliError::Usage("this host has no usable name: name a machine with --machine".to_owned()))
}

#[cfg(test)]
mod tests;
