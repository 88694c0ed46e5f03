//! The client of one server: its connections, its key, and the URL that every path is below.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Method, Url, redirect};

use crate::error::ClientError;
use crate::request::Request;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(30);
const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A client of one server. Cheap to clone: clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Url,
}

impl Client {
    /// Returns a client of the server at `url`, which sends `key` with every request and trusts `certificates` besides
    /// those of the host.
    ///
    /// # Errors
    /// Fails with [`ClientError::InvalidKey`] or [`ClientError::SetUp`].
    pub fn new(url: Url, key: Option<&str>, certificates: Vec<Certificate>) -> Result<Self, ClientError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut key = HeaderValue::from_str(key).map_err(ClientError::InvalidKey)?;
            key.set_sensitive(true);
            headers.insert(KEY, key);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // A redirect would carry the key to another host.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .tls_certs_merge(certificates)
            .build();
        Ok(Self { http: http.map_err(ClientError::SetUp)?, url })
    }

    /// Returns the request of a method and a path template. The first of `ids` takes the place of `{id}`.
    pub(crate) fn request<T>(
        &self,
        method: Method,
        path: &str,
        ids: &[String],
        decode: fn(&str) -> Result<T, serde_json::Error>,
    ) -> Request<T> {
        let is_read = method == Method::GET;
        let builder =
            address(&self.url, path, ids.first().map(String::as_str)).map(|url| self.http.request(method, url));
        Request::new(self.http.clone(), builder, is_read, decode)
    }
}

/// Returns the URL of a path template below `base`, with `id`, escaped, in the place of `{id}`.
fn address(base: &Url, path: &str, id: Option<&str>) -> Result<Url, ClientError> {
    // No escape keeps these from naming another path.
    if let Some(id) = id.filter(|id| matches!(*id, "" | "." | "..")) {
        return Err(ClientError::InvalidId(id.to_owned()));
    }
    let segments = path.trim_start_matches('/').split('/').map(|part| match (part, id) {
        ("{id}", Some(id)) => id,
        _ => part,
    });
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut url_segments) => url_segments.pop_if_empty().extend(segments),
        Err(()) => return Err(ClientError::InvalidUrl(base.clone())),
    };
    Ok(url)
}

#[cfg(test)]
mod tests;
