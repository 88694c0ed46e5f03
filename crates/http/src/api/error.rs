//! The one shape of all errors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;

/// What kind of error: stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request says something that cannot be; `details` names every field.
    ValidationFailed,
    /// No key was sent.
    ApiKeyRequired,
    /// What was sent as a key is none.
    ApiKeyMalformed,
    /// Nobody has this key.
    ApiKeyInvalid,
    /// The key may not do this.
    Forbidden,
    /// The key that was to be rotated is not let in any more, or has a successor.
    KeyConflict,
    /// The same `Idempotency-Key` came with another request.
    IdempotencyMismatch,
    /// There is no such thing.
    NotFound,
    /// The path knows other methods: see `Allow`.
    MethodNotAllowed,
    /// Another session is active for this project on this machine.
    SessionConflict,
    /// Another live session holds the slot.
    SlotConflict,
    /// The machine takes no sessions now.
    MachineUnavailable,
    /// The machine is registered already, or has live sessions.
    MachineConflict,
    /// Not from this status.
    InvalidTransition,
    /// The session has ended.
    SessionEnded,
    /// The entity is not at the revision that `If-Match` names.
    RevisionMismatch,
    /// Too many requests: see `Retry-After`.
    RateLimited,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The store is out of reach: see `Retry-After`.
    StoreUnavailable,
    /// It took too long.
    Timeout,
    /// The service is shutting down.
    Draining,
    /// The service failed; the log says why, under the request's id.
    Internal,
}

impl ErrorCode {
    /// As it is written in a body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationFailed => "validation_failed",
            Self::ApiKeyRequired => "api_key_required",
            Self::ApiKeyMalformed => "api_key_malformed",
            Self::ApiKeyInvalid => "api_key_invalid",
            Self::Forbidden => "forbidden",
            Self::KeyConflict => "key_conflict",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::SessionConflict => "session_conflict",
            Self::SlotConflict => "slot_conflict",
            Self::MachineUnavailable => "machine_unavailable",
            Self::MachineConflict => "machine_conflict",
            Self::InvalidTransition => "invalid_transition",
            Self::SessionEnded => "session_ended",
            Self::RevisionMismatch => "revision_mismatch",
            Self::RateLimited => "rate_limited",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::StoreUnavailable => "store_unavailable",
            Self::Timeout => "timeout",
            Self::Draining => "draining",
            Self::Internal => "internal",
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// One bad field, or one thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Detail {
    /// The field of the body, the query parameter or the header; or what the message holds, such as
    /// `existing_session_id`.
    #[schema(example = "project_id")]
    pub field: String,
    /// What is wrong with it; or the value.
    #[schema(example = "is required")]
    pub message: String,
}

/// What every error answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The HTTP status.
    #[serde(rename = "statusCode")]
    #[schema(example = 400)]
    pub status_code: u16,
    /// The HTTP reason phrase.
    #[schema(example = "Bad Request")]
    pub error: String,
    /// For people: what happened, what stands in the way, what to do.
    pub message: String,
    /// When.
    pub timestamp: Time,
    /// The path that was asked for, as it came, without the query.
    #[schema(example = "/api/sessions")]
    pub path: String,
    /// The request's id, as in `X-Request-Id` and in the log.
    pub request_id: Uuid,
    /// For programs. Kept as text, so that a client can read a code that is newer than itself.
    #[schema(value_type = ErrorCode)]
    pub code: String,
    /// Every bad field, or what stands in the way.
    #[serde(default)]
    #[schema(required = true)]
    pub details: Vec<Detail>,
}

impl ErrorBody {
    /// What a detail says, such as the `existing_session_id`.
    pub fn detail(&self, field: &str) -> Option<&str> {
        self.details.iter().find(|detail| detail.field == field).map(|detail| detail.message.as_str())
    }
}
