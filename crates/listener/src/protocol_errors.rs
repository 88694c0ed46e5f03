//! Answers to what never became a request: a head that cannot be read, is too long, or does not come. The framework says no
//! more than a status there; here it gets a body, and leaves a line in the log.

use std::net::SocketAddr;

use actix_web::http::StatusCode;
use tracing::{info, warn};
use uuid::Uuid;

use crate::request_id::new_request_id;
use crate::timeouts::HEAD_TIMEOUT;

/// What was sent and cannot be answered as a request.
#[derive(Debug)]
pub struct ProtocolError {
    /// The HTTP status.
    pub status: StatusCode,
    /// For programs.
    pub code: &'static str,
    /// The message for the client.
    pub message: String,
    /// The id under which the log has it.
    pub request_id: Uuid,
}

/// Makes the body of the answer, in JSON.
pub type ErrorBody = fn(&ProtocolError) -> String;

/// No answer of a request is as short: each has an id among its headers.
const LONGEST: usize = 192;

/// What the framework is about to say, in words; none, if it is anything else.
pub(crate) fn rewrite_error(said: &[u8], peer: Option<SocketAddr>, error_body: ErrorBody) -> Option<Vec<u8>> {
    let is_bare = said.len() <= LONGEST
        && (said.starts_with(b"HTTP/1.1 4") || said.starts_with(b"HTTP/1.0 4"))
        && said.ends_with(b"\r\n\r\n")
        && contains(said, b"\r\ncontent-length: 0\r\n")
        && !contains(said, b"x-request-id");
    let status = is_bare.then(|| StatusCode::from_bytes(said.get(9..12)?).ok()).flatten()?;
    let (code, message) = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("payload_too_large", "the request's head is too long: send fewer or shorter header fields")
        }
        StatusCode::REQUEST_TIMEOUT => return Some(late(peer, error_body)),
        _ => ("validation_failed", "what was sent cannot be read as an HTTP/1.1 request"),
    };
    Some(answer(status, code, message, peer, error_body))
}

/// To a head that did not come in time.
pub(crate) fn late(peer: Option<SocketAddr>, error_body: ErrorBody) -> Vec<u8> {
    let message = format!("the request's head did not come within {} s", HEAD_TIMEOUT.as_secs());
    answer(StatusCode::REQUEST_TIMEOUT, "timeout", &message, peer, error_body)
}

fn answer(
    status: StatusCode,
    code: &'static str,
    message: &str,
    peer: Option<SocketAddr>,
    error_body: ErrorBody,
) -> Vec<u8> {
    let id = new_request_id();
    log(status, code, message, peer, id);
    let body = error_body(&ProtocolError { status, code, message: message.to_owned(), request_id: id });
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\
         x-request-id: {id}\r\nx-content-type-options: nosniff\r\ncache-control: no-store\r\n\r\n{body}"
    )
    .into_bytes()
}

fn log(status: StatusCode, code: &'static str, message: &str, peer: Option<SocketAddr>, id: Uuid) {
    let ip = peer.map(|peer| peer.ip().to_string());
    let (ip, code, number) = (ip.as_deref(), code, status.as_u16());
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
pub(crate) mod tests;
