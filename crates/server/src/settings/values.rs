//! What the values of single settings must be.

use rekindle_core::InvalidValue;

use rekindle_http::auth::{ApiKeys, parse_key};

pub(super) fn host(text: &str) -> Result<String, InvalidValue> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
    if text.chars().all(valid) {
        Ok(text.to_owned())
    } else {
        Err(InvalidValue::new("must be an address or a host name, such as 127.0.0.1"))
    }
}

/// What MongoDB takes as a database's name on every platform.
pub(super) fn database(text: &str) -> Result<String, InvalidValue> {
    let forbidden = |c: char| c.is_control() || "/\\. \"$*<>:|?".contains(c);
    if text.len() <= 63 && !text.chars().any(forbidden) {
        Ok(text.to_owned())
    } else {
        Err(InvalidValue::new(
            "must be a database's name: at most 63 bytes, without white space and / \\ . \" $ * < > : | ?",
        ))
    }
}

pub(super) fn api_keys(text: &str) -> Result<ApiKeys, InvalidValue> {
    let mut keys = Vec::new();
    for (place, key) in text.split(',').map(str::trim).enumerate() {
        match parse_key(key) {
            Some(key) => keys.push(key),
            None if key.is_empty() => {}
            None => {
                let place = place + 1;
                return Err(InvalidValue::new(format!("must be UUIDs, separated by commas; number {place} is none")));
            }
        }
    }
    if keys.is_empty() { Err(InvalidValue::new("must hold at least one UUID")) } else { Ok(ApiKeys::new(keys)) }
}

pub(super) fn level(text: &str) -> Result<tracing::Level, InvalidValue> {
    match text {
        "error" => Ok(tracing::Level::ERROR),
        "warn" => Ok(tracing::Level::WARN),
        "info" => Ok(tracing::Level::INFO),
        "debug" => Ok(tracing::Level::DEBUG),
        "trace" => Ok(tracing::Level::TRACE),
        _ => Err(InvalidValue::new("must be error, warn, info, debug or trace")),
    }
}

/// Where traces go. Shown in the log, so nothing in it may be a secret.
pub(super) fn endpoint(text: &str) -> Result<String, InvalidValue> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let sound = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['@', ' ']));
    if sound {
        Ok(text.to_owned())
    } else {
        Err(InvalidValue::new("must be an http:// or https:// URL without a password, such as http://127.0.0.1:4318"))
    }
}
