//! CORS: the pages that may use the API from a browser. Only origins that the operator configured are allowed, without
//! cookies: the key is in a header. All other requests get the same response as without a browser.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use rekindle_core::InvalidValue;

use crate::error::ApiError;
use rekindle_api::ErrorCode;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue =
    HeaderValue::from_static("X-API-Key, Content-Type, If-Match, Idempotency-Key, traceparent");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, ETag, Location, Retry-After, \
     Idempotent-Replayed",
);
/// How long a browser may cache the response to a preflight request, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");
const VARY: HeaderValue = HeaderValue::from_static("Origin");

/// The origins whose pages may use the API. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<HeaderValue>);

impl AllowedOrigins {
    /// Parses origins that are separated by commas, such as `https://app.example.org` or `vscode-webview://id`.
    ///
    /// # Errors
    /// Fails if one of them is not an exact origin, as a browser sends it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let mut origins = Vec::new();
        for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            let why = |why| InvalidValue::new(format!("must be exact origins, separated by commas; {one:?} {why}"));
            check(one).map_err(why)?;
            let origin = HeaderValue::from_str(&one.to_ascii_lowercase());
            origins.push(origin.map_err(|_| why("cannot be sent in a header"))?);
        }
        Ok(Self(origins))
    }

    /// Returns the decision on a request with these headers.
    pub(crate) fn decide(&self, headers: &HeaderMap) -> OriginDecision {
        if self.0.is_empty() {
            return OriginDecision::Off;
        }
        let origin = headers.get(header::ORIGIN);
        match origin.and_then(|origin| self.0.iter().find(|allowed| *allowed == origin)) {
            Some(allowed) => OriginDecision::Allowed(allowed.clone()),
            None => OriginDecision::NotAllowed,
        }
    }
}

/// Fails with the reason why a text is not an origin.
fn check(origin: &str) -> Result<(), &'static str> {
    if origin == "*" {
        return Err("would let the scripts of every website use the API; name those that may");
    }
    if origin == "null" {
        return Err("is what files and sandboxed pages of anybody send; name an origin");
    }
    let Some((scheme, rest)) = origin.split_once("://") else {
        return Err("has no scheme: write https://app.example.org");
    };
    if rest.contains(['/', '?', '#']) {
        return Err("has a path, which no browser sends: end it after the host and port");
    }
    if rest.contains(['@', '*']) {
        return Err("has no plain host name: a user, or a part of a name, cannot be matched");
    }
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !is_scheme {
        return Err("has no valid scheme: write https://app.example.org");
    }
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (rest, None),
    };
    let ipv6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match ipv6 {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')),
    };
    if !is_host {
        return Err("has no valid host: write https://app.example.org");
    }
    let Some(port) = port else { return Ok(()) };
    let is_port = !port.starts_with(['0', '+']) && port.parse::<u16>().is_ok();
    match (scheme.to_ascii_lowercase().as_str(), port) {
        ("https", "443") | ("http", "80") => Err("names its scheme's own port, which no browser sends: leave it out"),
        _ if is_port => Ok(()),
        _ => Err("has no valid port"),
    }
}

/// The decision on a request's origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OriginDecision {
    /// No origins are configured: all requests get the same response.
    Off,
    /// The origin is not allowed, or the request has none.
    NotAllowed,
    /// The origin is allowed.
    Allowed(HeaderValue),
}

impl OriginDecision {
    /// Adds the headers that allow the page to read the response, and keep caches from serving it to another origin.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        match self {
            Self::Off => return,
            Self::NotAllowed => {}
            Self::Allowed(origin) => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            }
        }
        headers.append(header::VARY, VARY);
    }

    /// Returns the response to a preflight request.
    ///
    /// # Errors
    /// Fails with 403 if the origin is not allowed.
    pub(crate) fn preflight(&self) -> Result<HttpResponse, ApiError> {
        match self {
            Self::Allowed(_) => {
                let mut response = HttpResponse::NoContent().finish();
                let headers = response.headers_mut();
                headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
                headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
                Ok(response)
            }
            Self::Off | Self::NotAllowed => {
                let message = "pages of this origin may not use the API; CORS_ALLOWED_ORIGINS names those that may";
                Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message))
            }
        }
    }
}

/// Whether the request is a preflight request, which cannot carry a key.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests;
