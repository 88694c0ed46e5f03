//! The headers of every response: request id, rate limit status, and the security policy for browsers.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use uuid::Uuid;

use super::request_info::{RequestInfo, is_docs};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
/// Browsers that came over TLS use only TLS for a year. Subdomains are not included: other services may run there.
const TLS_FOR_A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// For responses of the API: a browser must not run or frame them as a page.
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// For the documentation page: its own scripts, the styles that they write into the page, images inlined in its style
/// sheet, and requests to this server.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Adds the headers to a response.
pub(super) fn add(response: &mut HttpResponse, info: &RequestInfo) {
    let is_page = is_docs(info.uri.path()) && response.status().is_success();
    if let Some(connection) = info.connection() {
        response.head_mut().set_connection_type(connection);
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, uuid_value(info.id));
    if let Some(status) = info.rate_limit {
        headers.insert(LIMIT, status.limit.into());
        headers.insert(REMAINING, status.remaining.into());
        headers.insert(RESET, status.reset().into());
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    headers.insert(header::X_FRAME_OPTIONS, DENY);
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, SAME_ORIGIN);
    headers.insert(header::CONTENT_SECURITY_POLICY, if is_page { DOCS_POLICY } else { API_POLICY });
    if info.is_secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_FOR_A_YEAR);
    }
    if !is_page && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, NO_STORE);
    }
    info.origin.add_headers(headers);
}

fn uuid_value(id: Uuid) -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = id.as_hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}
