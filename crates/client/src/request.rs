//! One request and its answer, as the value that it means and as the text that the server sent.

use std::fmt::Display;
use std::time::Duration;

use rekindle_api::ErrorBody;
use reqwest::RequestBuilder;
use reqwest::header::{HeaderName, HeaderValue, IF_MATCH, RETRY_AFTER};
use serde::Serialize;

use crate::decode;
use crate::error::ClientError;

/// The attempts of a read where no connection is accepted. A server that restarts is back by the last.
const READ_ATTEMPTS: u32 = 3;
const REPLAYED: &str = "idempotent-replayed";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The body as a value.
    pub value: T,
    /// The body as it was sent.
    pub text: String,
    /// Whether the server only repeated the answer of an earlier request.
    pub replayed: bool,
}

/// A request that is not sent yet.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<T> {
    http: reqwest::Client,
    builder: Result<RequestBuilder, ClientError>,
    attempts: u32,
    decode: fn(&str) -> Result<T, serde_json::Error>,
}

impl<T> Request<T> {
    pub(crate) fn new(
        http: reqwest::Client,
        builder: Result<RequestBuilder, ClientError>,
        is_read: bool,
        decode: fn(&str) -> Result<T, serde_json::Error>,
    ) -> Self {
        Self { http, builder, attempts: if is_read { READ_ATTEMPTS } else { 1 }, decode }
    }

    pub(crate) fn query(self, query: &impl Serialize) -> Self {
        self.map(|builder| builder.query(query))
    }

    pub(crate) fn body(self, body: &impl Serialize) -> Self {
        self.map(|builder| builder.json(body))
    }

    /// Makes the request hold only for the entity at this revision (`If-Match`).
    pub fn at_revision(self, revision: u64) -> Self {
        self.map(|builder| builder.header(IF_MATCH, format!("\"{revision}\"")))
    }

    /// Makes a repetition of the request return the first answer (`Idempotency-Key`).
    pub fn idempotency_key(self, key: impl Display) -> Self {
        self.map(|builder| builder.header(IDEMPOTENCY_KEY, key.to_string()))
    }

    /// Limits the time of the request.
    pub fn within(self, limit: Duration) -> Self {
        self.map(|builder| builder.timeout(limit))
    }

    /// Makes a read fail at once where no connection is accepted.
    pub fn without_retries(self) -> Self {
        Self { attempts: 1, ..self }
    }

    /// Leaves the answer as text, and accepts any text.
    pub fn as_text(self) -> Request<String> {
        let Self { http, builder, attempts, decode: _ } = self;
        Request { http, builder, attempts, decode: decode::text }
    }

    fn map(self, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        Self { builder: self.builder.map(change), ..self }
    }

    /// Sends the request and reads the answer.
    ///
    /// # Errors
    /// Fails with [`ClientError::Rejected`] if the server refuses, with [`ClientError::Unreachable`] if it does not
    /// answer, and with [`ClientError::UnexpectedStatus`] or [`ClientError::UnexpectedBody`] if its answer is not one
    /// of this API.
    pub async fn send(self) -> Result<Answer<T>, ClientError> {
        let mut request = self.builder?.build().map_err(ClientError::Build)?;
        let mut attempt = 1;
        let response = loop {
            let repetition = request.try_clone().filter(|_| attempt < self.attempts);
            match (self.http.execute(request).await, repetition) {
                (Err(error), Some(repetition)) if error.is_connect() => request = repetition,
                (result, _) => break result.map_err(ClientError::Unreachable)?,
            }
            let pause = Duration::from_millis(fastrand::u64(50..=150) * u64::from(attempt));
            tokio::time::sleep(pause).await;
            attempt += 1;
        };
        let (status, headers) = (response.status(), response.headers());
        let replayed = headers.contains_key(REPLAYED);
        let retry_after = headers.get(RETRY_AFTER).and_then(seconds);
        let text = response.text().await.map_err(ClientError::Unreachable)?;
        if status.is_success() {
            let value = (self.decode)(&text).map_err(ClientError::UnexpectedBody)?;
            return Ok(Answer { value, text, replayed });
        }
        Err(match serde_json::from_str::<ErrorBody>(&text) {
            Ok(body) => ClientError::Rejected { status, body: Box::new(body), retry_after },
            Err(_) => ClientError::UnexpectedStatus(status),
        })
    }
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
