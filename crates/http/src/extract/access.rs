//! Requests about API keys and the audit trail.

use std::fmt::Write as _;
use std::time::Duration;

use rekindle_core::InvalidValue;
use rekindle_core::domain::api_key::SecretHash;
use rekindle_core::store::{AuditFilter, EventPosition};
use rekindle_core::use_cases::NewKey;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::fields::{parsed, text};
use super::{Body, Fields, Params};
use crate::error::ApiError;

const DAY: u64 = 24 * 60 * 60;
const MOST_DAYS: u64 = 3650;
const MOST_OVERLAP: u64 = 30 * DAY;
/// The default and the maximum number of events on a page.
const PAGE: (u32, u32) = (50, 200);
/// The number of hex digits of the checksum at the end of a cursor.
const CHECKSUM: usize = 8;

/// Parses `POST /api/keys`; the new key has this secret.
pub(crate) fn new_key(body: &Body, secret: SecretHash) -> Result<NewKey, ApiError> {
    let mut fields = Fields::of(body)?;
    let name = fields.required("name", text);
    let role = fields.required("role", parsed);
    let project_id = fields.or_none("project_id", text);
    let days = fields.or_none("expires_in_days", |value| whole(&value, 1, MOST_DAYS));
    fields.done(|| Ok(NewKey { name: name?, secret, role: role?, project_id: project_id?, ttl: days?.map(days_long) }))
}

/// Parses `POST /api/keys/{id}/rotate`: the lifetime of the new key, and the time until the old one expires.
pub(crate) fn rotate_key(body: &Body) -> Result<(Option<Duration>, Duration), ApiError> {
    let mut fields = Fields::of(body)?;
    let overlap = fields.optional("overlap_seconds", |value| whole(&value, 0, MOST_OVERLAP));
    let days = fields.or_none("expires_in_days", |value| whole(&value, 1, MOST_DAYS));
    fields.done(|| Ok((days?.map(days_long), Duration::from_secs(overlap?.unwrap_or(DAY)))))
}

fn days_long(days: u64) -> Duration {
    Duration::from_secs(days * DAY)
}

fn whole(value: &Value, least: u64, most: u64) -> Result<u64, InvalidValue> {
    let number = value.as_u64().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| InvalidValue::new(format!("must be an integer from {least} to {most}")))
}

/// The parameters of `GET /api/audit`.
#[derive(Debug)]
pub(crate) struct TrailQuery {
    /// The events to return.
    pub filter: AuditFilter,
    /// Returns events before this position only.
    pub before: Option<EventPosition>,
    /// The most events on the page.
    pub limit: u32,
}

/// Parses `GET /api/audit`.
pub(crate) fn trail(mut params: Params) -> Result<TrailQuery, ApiError> {
    let key = params.parsed("key_id");
    let session = params.parsed("session_id");
    let machine = params.parsed("machine_id");
    let kind = params.parsed("kind");
    let since = params.parsed("since");
    let until = params.parsed("until");
    let limit = params.limit(PAGE.0, PAGE.1);
    let before = params.optional("cursor", |text| position(&text));
    params.done(|| {
        Ok(TrailQuery {
            filter: AuditFilter {
                key: key?,
                session: session?,
                machine: machine?,
                kind: kind?,
                since: since?,
                until: until?,
            },
            before: before?,
            limit: limit?,
        })
    })
}

/// Returns a position as a cursor: digits without a meaning to the client, and a checksum that detects a foreign
/// cursor.
pub(crate) fn cursor(EventPosition(position): &EventPosition) -> String {
    let mut text = String::new();
    for byte in position.bytes() {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text + &checksum(position)
}

fn checksum(position: &str) -> String {
    let digest = Sha256::digest(position);
    digest.iter().take(CHECKSUM / 2).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn position(text: &str) -> Result<EventPosition, InvalidValue> {
    let fault = || InvalidValue::new("must be a next_cursor of an earlier answer");
    let (digits, sum) = text.split_at_checked(text.len().saturating_sub(CHECKSUM)).ok_or_else(fault)?;
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    let position = String::from_utf8(bytes.ok_or_else(fault)?).map_err(|_| fault())?;
    if checksum(&position) == sum { Ok(EventPosition(position.into_boxed_str())) } else { Err(fault()) }
}

#[cfg(test)]
mod tests;
