//! API keys: who may come in. Keys are compared in constant time, over all of them, and never shown whole.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use subtle::{Choice, ConstantTimeEq};
use uuid::Uuid;

use crate::error::ApiError;
use rekindle_api::ErrorCode;

/// The header that carries the key.
pub const API_KEY: &str = "x-api-key";

/// The keys that are let in. Shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<Uuid>);

impl ApiKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = Uuid>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this one is among them. Takes the same time whichever it is.
    pub fn contain(&self, key: Uuid) -> bool {
        let known = self.0.iter().fold(Choice::from(0), |found, one| found | one.as_bytes().ct_eq(key.as_bytes()));
        known.into()
    }
}

/// The key that a request shows.
///
/// # Errors
/// 401: it shows none, or something that is none.
pub fn presented(headers: &HeaderMap) -> Result<Uuid, ApiError> {
    let given = match (headers.get(API_KEY), bearer(headers)) {
        (Some(given), _) => given.to_str().ok(),
        (None, Some(token)) => Some(token),
        (None, None) => return Err(refused(ErrorCode::ApiKeyRequired, "API key required")),
    };
    given.and_then(parse_key).ok_or_else(|| refused(ErrorCode::ApiKeyMalformed, "Malformed API key"))
}

/// What a request shows as its key, whatever that is: for the log, which masks it.
pub fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(API_KEY).cloned().or_else(|| HeaderValue::from_str(bearer(headers)?).ok())
}

/// The key as a bearer token: scrapers of metrics mostly cannot send a header of somebody's own.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// 401: nobody has this key.
pub fn invalid() -> ApiError {
    refused(ErrorCode::ApiKeyInvalid, "Invalid API key")
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({} of them)", self.0.len())
    }
}

/// A key that is shorter than this is not shown at all.
const LEAST_SHOWN: usize = 12;

/// A key is a UUID in its hyphenated form.
pub fn parse_key(text: &str) -> Option<Uuid> {
    if text.len() == uuid::fmt::Hyphenated::LENGTH { Uuid::try_parse(text).ok() } else { None }
}

fn refused(code: ErrorCode, message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, code, message)
}

/// A key as a log may show it: its first four characters, and of a short one none, which would be most of it.
pub fn masked(key: &HeaderValue) -> String {
    let shown = if key.len() < LEAST_SHOWN { 0 } else { 4 };
    let shown: String = String::from_utf8_lossy(key.as_bytes()).chars().take(shown).collect();
    format!("{shown}…")
}

#[cfg(test)]
mod tests;
