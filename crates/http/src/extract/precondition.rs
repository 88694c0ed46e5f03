//! `If-Match`: the revisions that the caller expects.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use rekindle_core::InvalidValue;
use rekindle_core::use_cases::IfMatch;

use crate::error::ApiError;

/// The value of `If-Match`, if present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Precondition(pub Option<IfMatch>);

impl FromRequest for Precondition {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let fault = InvalidValue::new("must be * or a list of revisions in quotes, such as \"3\"");
        ready(read(req.headers()).map(Self).map_err(|NotARevision| ApiError::invalid("If-Match", fault)))
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotARevision;

/// Parses `If-Match`. Weak tags are refused: they never match here, so a client that sends one made an error.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<IfMatch>, NotARevision> {
    let mut known = Vec::new();
    let mut there = false;
    for value in headers.get_all(header::IF_MATCH) {
        there = true;
        let text = value.to_str().map_err(|_| NotARevision)?.trim();
        if text == "*" {
            return Ok(Some(IfMatch::Any));
        }
        for tag in text.split(',') {
            let inner = tag.trim().strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or(NotARevision)?;
            if inner.is_empty() || !inner.bytes().all(|digit| digit.is_ascii_digit()) {
                return Err(NotARevision);
            }
            // A number too large for a revision matches nothing.
            known.extend(inner.parse::<u64>().ok());
        }
    }
    Ok(there.then_some(IfMatch::Revisions(known)))
}
