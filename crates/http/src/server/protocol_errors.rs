//! Answers to what never became a request: a head that cannot be read, is too long, or does not come. The framework says no
//! more than a status there; here it becomes the one envelope, and leaves a line in the log.

use std::net::SocketAddr;

use actix_web::http::StatusCode;
use rekindle_core::{Clock, SystemClock};
use tracing::{info, warn};
use uuid::Uuid;

use super::timed_stream::HEAD_TIMEOUT;
use crate::middleware::new_request_id;
use rekindle_api::{ErrorBody, ErrorCode};

/// No answer of a request is as short: each has an id among its headers.
const LONGEST: usize = 192;

/// What the framework is about to say, in words; none, if it is anything else.
pub(super) fn rewrite_error(said: &[u8], peer: Option<SocketAddr>) -> Option<Vec<u8>> {
    let is_bare = said.len() <= LONGEST
        && (said.starts_with(b"HTTP/1.1 4") || said.starts_with(b"HTTP/1.0 4"))
        && said.ends_with(b"\r\n\r\n")
        && contains(said, b"\r\ncontent-length: 0\r\n")
        && !contains(said, b"x-request-id");
    let status = is_bare.then(|| StatusCode::from_bytes(said.get(9..12)?).ok()).flatten()?;
    let (code, message) = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            (ErrorCode::PayloadTooLarge, "the request's head is too long: send fewer or shorter header fields")
        }
        StatusCode::REQUEST_TIMEOUT => return Some(late(peer)),
        _ => (ErrorCode::ValidationFailed, "what was sent cannot be read as an HTTP/1.1 request"),
    };
    Some(answer(status, code, message, peer))
}

/// To a head that did not come in time.
pub(super) fn late(peer: Option<SocketAddr>) -> Vec<u8> {
    let message = format!("the request's head did not come within {} s", HEAD_TIMEOUT.as_secs());
    answer(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, &message, peer)
}

fn answer(status: StatusCode, code: ErrorCode, message: &str, peer: Option<SocketAddr>) -> Vec<u8> {
    let id = new_request_id();
    log(status, code, message, peer, id);
    let body = ErrorBody {
        status_code: status.as_u16(),
        error: status.canonical_reason().unwrap_or("Error").to_owned(),
        message: message.to_owned(),
        timestamp: SystemClock.now().into(),
        // Nobody knows what was asked for.
        path: String::new(),
        request_id: id,
        code: code.as_str().to_owned(),
        details: Vec::new(),
    };
    // Made of texts and numbers, which always can be written.
    let body = serde_json::to_string(&body).unwrap_or_default();
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\
         x-request-id: {id}\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n\r\n{body}"
    )
    .into_bytes()
}

fn log(status: StatusCode, code: ErrorCode, message: &str, peer: Option<SocketAddr>, id: Uuid) {
    let ip = peer.map(|peer| peer.ip().to_string());
    let (ip, code, number) = (ip.as_deref(), code.as_str(), status.as_u16());
    if status == StatusCode::BAD_REQUEST {
        warn!(request_id = %id, status = number, ip, code, "{message}");
    } else {
        info!(request_id = %id, status = number, ip, code, "{message}");
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;
