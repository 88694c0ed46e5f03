//! The error type of the API, and the one mapping from errors of the core to status and code.
//!
//! The message is for the caller; the cause is for the log only. `crate::middleware`, which knows the request's id and
//! path, makes the envelope.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use rekindle_core::{Error, InvalidValue, Rejection, SessionId, StoreError};

use rekindle_api::{Detail, ErrorCode};

/// An error response of the API.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code, for programs.
    pub code: ErrorCode,
    /// The message, for people.
    pub message: String,
    /// The invalid fields, or the conflicting entity.
    pub details: Vec<Detail>,
    /// An additional header.
    pub header: ErrorHeader,
    /// The cause, for the log only.
    pub cause: Option<Box<str>>,
}

/// An additional header of an error response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorHeader {
    /// No header.
    None,
    /// `Retry-After`, in seconds.
    RetryAfter(u32),
    /// `Allow`, with the methods of the path.
    Allow(&'static str),
}

/// The delay before a retry while the store is out of reach.
const RETRY_AFTER: ErrorHeader = ErrorHeader::RetryAfter(1);

impl ApiError {
    /// Returns an error with no details, header or cause.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, details: Vec::new(), header: ErrorHeader::None, cause: None }
    }

    /// Returns a 400 for invalid fields. `details` must not be empty.
    pub fn validation(details: Vec<Detail>) -> Self {
        let named: Vec<_> = details.iter().map(|detail| format!("{} {}", detail.field, detail.message)).collect();
        let message = format!("the request is not valid: {}", named.join("; "));
        Self { details, ..Self::new(StatusCode::BAD_REQUEST, ErrorCode::ValidationFailed, message) }
    }

    /// Returns a 400 for one invalid field.
    pub fn invalid(field: impl Into<String>, fault: InvalidValue) -> Self {
        Self::validation(vec![Detail { field: field.into(), message: fault.0 }])
    }

    /// Returns a 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    }

    /// Returns a 500 for a failure of the server. The cause goes to the log only.
    pub fn internal(cause: impl Into<Box<str>>) -> Self {
        let message = "the service failed to answer this request; its log says why, under the request's id";
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message);
        error.with_cause(cause)
    }

    /// Returns a 403. `field` names the property that the key lacks, `needed` its required value.
    pub fn forbidden(field: &str, message: String, needed: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message).with_detail(field, &needed)
    }

    /// Returns a 422 for an idempotency key that came with another request.
    pub fn idempotency_mismatch() -> Self {
        let message = "this Idempotency-Key was used with another request (method, path, query and body must be the \
                       same); choose a fresh one for a new request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::IdempotencyMismatch, message)
    }

    /// Returns a 503 for a key that cannot be checked: the keys of the store have not been read yet.
    pub fn keys_unknown() -> Self {
        let message =
            "the store is out of reach, so that nobody can say whether this API key is good; try again in a moment";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::StoreUnavailable, message);
        Self { header: RETRY_AFTER, ..error }
    }

    /// Returns the error of a request that took too long.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, ErrorCode::Timeout, message)
    }

    /// Returns the 503 of a server that is shutting down.
    pub fn draining() -> Self {
        let message = "the service is shutting down; ask another instance, or again when it is back";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Draining, message);
        Self { header: RETRY_AFTER, ..error }
    }

    /// Returns an error that the framework made, by its status.
    pub fn of_framework(status: StatusCode) -> Self {
        let error = |code, message: &str| Self::new(status, code, message);
        match status {
            StatusCode::NOT_FOUND => error(ErrorCode::NotFound, "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => error(ErrorCode::MethodNotAllowed, "this path knows other methods"),
            StatusCode::PAYLOAD_TOO_LARGE => error(ErrorCode::PayloadTooLarge, "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => error(ErrorCode::UnsupportedMediaType, "the body must be JSON"),
            status if status.is_client_error() => error(ErrorCode::ValidationFailed, "the request cannot be read"),
            _ => Self::internal(format!("the framework answered {status}")),
        }
    }

    fn with_cause(self, cause: impl Into<Box<str>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    fn with_detail(mut self, field: &str, message: &impl ToString) -> Self {
        self.details.push(Detail { field: field.to_owned(), message: message.to_string() });
        self
    }

    fn with_session(self, session: SessionId) -> Self {
        self.with_detail("existing_session_id", &session)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::Store(error) => error.into(),
            // A client's request carries no fence; the match is complete so that every error has a response.
            Error::Contended | Error::Fenced | Error::AlreadyAnswered => Self {
                header: RETRY_AFTER,
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::StoreUnavailable, error.to_string())
            },
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let error = |status, code| Self::new(status, code, rejection.to_string());
        match &rejection {
            Rejection::NotFound { .. } => error(StatusCode::NOT_FOUND, ErrorCode::NotFound),
            Rejection::Invalid { field, why } => Self::invalid(*field, InvalidValue::new(why.as_str())),
            Rejection::SessionConflict { existing } => {
                error(StatusCode::CONFLICT, ErrorCode::SessionConflict).with_session(*existing)
            }
            Rejection::SlotConflict { existing, .. } => {
                error(StatusCode::CONFLICT, ErrorCode::SlotConflict).with_session(*existing)
            }
            Rejection::SlotOccupied { .. } => error(StatusCode::CONFLICT, ErrorCode::SlotConflict),
            Rejection::MachineUnavailable { machine, .. } => {
                error(StatusCode::CONFLICT, ErrorCode::MachineUnavailable).with_detail("machine_id", machine)
            }
            Rejection::MachineExists { machine } => {
                error(StatusCode::CONFLICT, ErrorCode::MachineConflict).with_detail("machine_id", machine)
            }
            Rejection::MachineInUse { existing, .. } => {
                error(StatusCode::CONFLICT, ErrorCode::MachineConflict).with_session(*existing)
            }
            Rejection::InvalidTransition { .. } => error(StatusCode::BAD_REQUEST, ErrorCode::InvalidTransition),
            Rejection::SessionEnded { successor, .. } => {
                let error = error(StatusCode::CONFLICT, ErrorCode::SessionEnded);
                match successor {
                    Some(successor) => error.with_detail("successor_session_id", successor),
                    None => error,
                }
            }
            Rejection::OtherProject { only } => {
                error(StatusCode::FORBIDDEN, ErrorCode::Forbidden).with_detail("project_id", only)
            }
            Rejection::KeyNotValid { .. } => error(StatusCode::CONFLICT, ErrorCode::KeyConflict),
            Rejection::RevisionMismatch { current } => {
                error(StatusCode::PRECONDITION_FAILED, ErrorCode::RevisionMismatch).with_detail("revision", current)
            }
            Rejection::NothingToMatch => error(StatusCode::PRECONDITION_FAILED, ErrorCode::RevisionMismatch),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let unavailable = |message: &str, header| Self {
            header,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::StoreUnavailable, message)
        };
        let cause = error.to_string();
        let api_error = match error {
            StoreError::Unavailable(_) => {
                unavailable("the store is out of reach; nothing was changed; try again in a moment", RETRY_AFTER)
            }
            StoreError::Overloaded(_) => {
                unavailable("the store is overloaded; nothing was changed; try again in a moment", RETRY_AFTER)
            }
            StoreError::CircuitOpen { retry_in } => {
                let seconds = whole_seconds(retry_in);
                let message = format!(
                    "the circuit to the store is open, since it failed repeatedly: it is asked again in {seconds} s; \
                     nothing was changed"
                );
                unavailable(&message, ErrorHeader::RetryAfter(seconds))
            }
            StoreError::Unknown(_) => Self::timeout(
                "the store did not confirm the change in time: it may have happened; read before you repeat it",
            ),
            StoreError::TimedOut(_) => {
                Self::timeout("the store did not answer in time; nothing was changed; try again in a moment")
            }
            StoreError::Corrupt(_) => return Self::internal(cause),
        };
        api_error.with_cause(cause)
    }
}

/// Returns the duration in seconds, rounded up; at least 1.
fn whole_seconds(span: Duration) -> u32 {
    u32::try_from(span.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// Returns a bare response: the middleware makes the envelope, because it knows the request's id.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status)
    }
}
