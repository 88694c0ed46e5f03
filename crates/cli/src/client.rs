//! The API over HTTP: one request, and its answer as the value that the server meant and as the text that it sent.

use std::error::Error as _;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, RETRY_AFTER};
use reqwest::{Certificate, Method, Response, StatusCode, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CliError, Refused, Unreachable};
use crate::hints;
use crate::target::Target;
use rekindle_api::ErrorBody;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often a read is tried where nothing accepts the connection: a server that just restarts is back by then.
const GET_ATTEMPTS: u32 = 3;
const KEY: HeaderName = HeaderName::from_static("x-api-key");
const REPLAYED: &str = "idempotent-replayed";

/// A client of one server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    target: Target,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer<T> {
    /// What it means.
    pub value: T,
    /// What it sent.
    pub text: String,
    /// Whether it only repeated what an earlier request had done.
    pub replayed: bool,
}

/// A request in the making.
pub struct Request<'a> {
    client: &'a Client,
    builder: Result<reqwest::RequestBuilder, CliError>,
    is_read: bool,
}

impl Client {
    /// A client of this server.
    ///
    /// # Errors
    /// The key cannot be sent, or certificates cannot be read.
    pub fn new(target: Target) -> Result<Self, CliError> {
        let mut key = HeaderValue::from_str(&target.key).context("the API key cannot be sent")?;
        key.set_sensitive(true);
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // A redirect would carry the key to another host.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(KEY, key)]))
            .tls_certs_merge(target.ca.as_deref().map_or_else(|| Ok(Vec::new()), trusted)?)
            .build();
        Ok(Self { http: http.context("cannot set up the HTTP client")?, target })
    }

    /// Whom it talks to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// A read.
    pub fn get(&self, path: &[impl AsRef<str>]) -> Request<'_> {
        self.request(Method::GET, path)
    }

    /// A POST without a body, until one is given.
    pub fn post(&self, path: &[impl AsRef<str>]) -> Request<'_> {
        self.request(Method::POST, path)
    }

    /// A partial update.
    pub fn patch(&self, path: &[impl AsRef<str>]) -> Request<'_> {
        self.request(Method::PATCH, path)
    }

    /// A replacement.
    pub fn put(&self, path: &[impl AsRef<str>]) -> Request<'_> {
        self.request(Method::PUT, path)
    }

    /// A deletion.
    pub fn delete(&self, path: &[impl AsRef<str>]) -> Request<'_> {
        self.request(Method::DELETE, path)
    }

    fn request(&self, method: Method, path: &[impl AsRef<str>]) -> Request<'_> {
        let is_read = method == Method::GET;
        let builder = address(&self.target.url, path).map(|url| self.http.request(method, url));
        Request { client: self, builder, is_read }
    }
}

/// The certificates of a file.
pub fn trusted(file: &Path) -> Result<Vec<Certificate>, CliError> {
    let wrong = |why: String| CliError::Configuration(format!("the file that --ca or REKINDLE_CA_FILE names {why}"));
    let shown = file.display();
    let pem = std::fs::read(file).map_err(|error| wrong(format!("cannot be read: {shown}: {error}")))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| wrong(format!("is no PEM: {shown}")))?;
    if certificates.is_empty() {
        return Err(wrong(format!("holds no certificate: {shown}")));
    }
    Ok(certificates)
}

/// A path below `/api`; each part is escaped, whatever it holds.
fn address(base: &Url, path: &[impl AsRef<str>]) -> Result<Url, CliError> {
    // These would name another path, and no escape helps.
    if let Some(part) = path.iter().map(AsRef::as_ref).find(|part| matches!(*part, "" | "." | "..")) {
        return Err(CliError::Usage(format!("\"{part}\" cannot be an id")));
    }
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut segments) => segments.pop_if_empty().push("api").extend(path.iter().map(AsRef::as_ref)),
        Err(()) => return Err(CliError::Configuration(format!("{base} is no URL of a server"))),
    };
    Ok(url)
}

impl Request<'_> {
    /// Adds query parameters.
    #[must_use]
    pub fn query<Q: Serialize>(mut self, query: &Q) -> Self {
        self.builder = self.builder.map(|builder| builder.query(query));
        self
    }

    /// Adds a body.
    #[must_use]
    pub fn json<B: Serialize>(mut self, body: &B) -> Self {
        self.builder = self.builder.map(|builder| builder.json(body));
        self
    }

    /// Makes it hold only for the entity at this revision.
    #[must_use]
    pub fn at_revision(mut self, revision: u64) -> Self {
        self.builder = self.builder.map(|builder| builder.header(IF_MATCH, format!("\"{revision}\"")));
        self
    }

    /// Gives it less time than usual.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.builder = self.builder.map(|builder| builder.timeout(limit));
        self
    }

    /// Sends it, and reads the answer.
    ///
    /// # Errors
    /// The server refused, did not answer, or is none of ours.
    pub async fn send<T: DeserializeOwned>(self) -> Result<Answer<T>, CliError> {
        let client = self.client;
        let (text, replayed) = self.text().await?;
        let value = serde_json::from_str(&text).map_err(|error| {
            anyhow!(error).context(format!("{} answers something else than this version knows", client.target.url))
        })?;
        Ok(Answer { value, text, replayed })
    }

    /// Sends it; the answer has no body.
    ///
    /// # Errors
    /// As for [`Request::send`].
    pub async fn send_no_content(self) -> Result<(), CliError> {
        self.text().await.map(drop)
    }

    async fn text(self) -> Result<(String, bool), CliError> {
        let (client, is_read) = (self.client, self.is_read);
        let target = &client.target;
        let mut request = self.builder?.build().map_err(|error| anyhow!(error).context("cannot make the request"))?;
        let mut attempt = 1;
        let response = loop {
            let again = request.try_clone().filter(|_| is_read && attempt < GET_ATTEMPTS);
            match (client.http.execute(request).await, again) {
                (Err(error), Some(again)) if error.is_connect() => request = again,
                (result, _) => break result.map_err(|error| lost(target, &error))?,
            }
            let pause = Duration::from_millis(fastrand::u64(50..=150) * u64::from(attempt));
            tokio::time::sleep(pause).await;
            attempt += 1;
        };
        let status = response.status();
        let replayed = response.headers().contains_key(REPLAYED);
        if status.is_success() {
            let text = response.text().await.map_err(|error| lost(target, &error))?;
            return Ok((text, replayed));
        }
        Err(refusal(target, status, response).await)
    }
}

/// Nobody answered, or only half.
fn lost(target: &Target, error: &reqwest::Error) -> CliError {
    let mut what = if error.is_timeout() { "no answer in time".to_owned() } else { String::new() };
    // reqwest's own words repeat the URL; the cause is further down.
    let mut cause = error.source();
    while let Some(deeper) = cause {
        if deeper.source().is_none() {
            // Writing to a String does not fail.
            write!(what, "{}{deeper}", if what.is_empty() { "" } else { ": " }).ok();
        }
        cause = deeper.source();
    }
    let what = if what.is_empty() { error.to_string() } else { what };
    let is_distrusted = what.contains("certificate");
    let advice = match is_distrusted {
        true => hints::for_distrust(target.ca.as_deref()),
        false => hints::for_silence(&target.found),
    };
    CliError::Unreachable(Unreachable { url: target.url.to_string(), what, advice })
}

/// What an answer that is no success means.
async fn refusal(target: &Target, status: StatusCode, response: Response) -> CliError {
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    let text = match response.text().await {
        Ok(text) => text,
        Err(error) => return lost(target, &error),
    };
    let body = serde_json::from_str::<ErrorBody>(&text).ok();
    match (status.as_u16(), body) {
        (502..=504, body) => {
            let said = body.map_or_else(|| status.to_string(), |body| format!("{} ({status})", body.message));
            let advice = "the server runs, but cannot serve now: look at its log, then try again".to_owned();
            CliError::Unreachable(Unreachable { url: target.url.to_string(), what: said, advice })
        }
        (400..=499, Some(body)) => {
            CliError::Refused(Box::new(Refused { advice: hints::for_refusal(target, &body), body, retry_after }))
        }
        (_, Some(body)) => CliError::Unexpected(anyhow!(
            "the server failed: {} ({status})\n  its log says why, under request id {}",
            body.message,
            body.request_id
        )),
        (_, None) => CliError::Unexpected(anyhow!(
            "{} answers {status}, and not as a Rekindle server does\n  is this its address? it is {}",
            target.url,
            target.found
        )),
    }
}

#[cfg(test)]
mod tests;
