//! API keys: how they are read, compared and masked. The comparison takes constant time over all keys.

pub(crate) mod access_rule;
pub(crate) mod context;
pub(crate) mod key_cache;

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use subtle::{Choice, ConstantTimeEq};
use uuid::Uuid;

use crate::error::ApiError;
use rekindle_api::ErrorCode;

/// The header that carries the key.
pub const API_KEY: &str = "x-api-key";

/// The set of keys that are let in. Its debug output shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<Uuid>);

impl ApiKeys {
    /// Returns the set of these keys.
    pub fn new(keys: impl IntoIterator<Item = Uuid>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the set contains this key. Takes the same time for every key.
    pub fn contains(&self, key: Uuid) -> bool {
        let known = self.0.iter().fold(Choice::from(0), |found, one| found | one.as_bytes().ct_eq(key.as_bytes()));
        known.into()
    }
}

/// Returns the key of a request.
///
/// # Errors
/// Fails with 401 if the request has no key, or a malformed one.
pub fn read_key(headers: &HeaderMap) -> Result<Uuid, ApiError> {
    let text = match (headers.get(API_KEY), bearer(headers)) {
        (Some(key), _) => key.to_str().ok(),
        (None, Some(token)) => Some(token),
        (None, None) => return Err(unauthorized(ErrorCode::ApiKeyRequired, "API key required")),
    };
    text.and_then(parse_key).ok_or_else(|| unauthorized(ErrorCode::ApiKeyMalformed, "Malformed API key"))
}

/// Returns the header that holds the key, valid or not. The log masks it.
pub fn key_header(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(API_KEY).cloned().or_else(|| HeaderValue::from_str(bearer(headers)?).ok())
}

/// Returns the key as a bearer token: most scrapers of metrics cannot send a custom header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Returns the 401 for an unknown key.
pub fn invalid_key() -> ApiError {
    unauthorized(ErrorCode::ApiKeyInvalid, "Invalid API key")
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({} of them)", self.0.len())
    }
}

/// The shortest key of which the log shows a part.
const SHORTEST_SHOWN: usize = 12;

/// Parses a key: a UUID in its hyphenated form. Returns None for any other text.
pub fn parse_key(text: &str) -> Option<Uuid> {
    if text.len() == uuid::fmt::Hyphenated::LENGTH { Uuid::try_parse(text).ok() } else { None }
}

fn unauthorized(code: ErrorCode, message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, code, message)
}

/// Returns a key in its form for the log: the first four characters, or none of a short key.
pub fn masked(key: &HeaderValue) -> String {
    let shown = if key.len() < SHORTEST_SHOWN { 0 } else { 4 };
    let shown: String = String::from_utf8_lossy(key.as_bytes()).chars().take(shown).collect();
    format!("{shown}…")
}

#[cfg(test)]
mod tests;
