//! Why a request has no answer.

use std::error::Error as _;
use std::time::Duration;

use rekindle_api::ErrorBody;
use reqwest::StatusCode;

/// An error of a client or of one of its requests.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The API key holds characters that no header can hold.
    #[error("the API key cannot be sent")]
    InvalidKey(#[source] reqwest::header::InvalidHeaderValue),
    /// The URL of the server cannot have a path.
    #[error("{0} is no URL of a server")]
    InvalidUrl(reqwest::Url),
    /// An id that would name another path, whatever is escaped: the empty one, `.` or `..`.
    #[error("\"{0}\" cannot be an id")]
    InvalidId(String),
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client")]
    SetUp(#[source] reqwest::Error),
    /// The request could not be built.
    #[error("cannot make the request")]
    Build(#[source] reqwest::Error),
    /// The server did not answer, or its answer was cut off.
    #[error("the server cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The server answered with an error body.
    #[error("{} ({} {})", body.message, body.status_code, body.code)]
    Rejected {
        /// The status of the answer.
        status: StatusCode,
        /// The body of the answer.
        body: Box<ErrorBody>,
        /// The value of `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The answer is an error without the error body of this API.
    #[error("the server answers {0}, and not as a Rekindle server does")]
    UnexpectedStatus(StatusCode),
    /// The answer is a success with a body that this version cannot read.
    #[error("the server answers something else than this version knows")]
    UnexpectedBody(#[source] serde_json::Error),
}

impl ClientError {
    /// Returns whether the time limit of the request or of its connection ended it.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Unreachable(error) if error.is_timeout())
    }

    /// Returns the innermost cause of an unreachable server. The outer ones only repeat its URL.
    pub fn innermost_cause(&self) -> Option<String> {
        let Self::Unreachable(error) = self else { return None };
        let mut cause = error.source()?;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Some(cause.to_string())
    }
}
