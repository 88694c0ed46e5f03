//! The one shape of all errors.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text_enum::text_enum;
use crate::time::Time;

text_enum! {
    /// What kind of error: stable, for programs.
    ErrorCode {
        /// The request says something that cannot be; `details` names every field.
        ValidationFailed = "validation_failed",
        /// No key was sent.
        ApiKeyRequired = "api_key_required",
        /// What was sent as a key is none.
        ApiKeyMalformed = "api_key_malformed",
        /// Nobody has this key.
        ApiKeyInvalid = "api_key_invalid",
        /// The key may not do this.
        Forbidden = "forbidden",
        /// The key that was to be rotated is not let in any more, or has a successor.
        KeyConflict = "key_conflict",
        /// The same `Idempotency-Key` came with another request.
        IdempotencyMismatch = "idempotency_mismatch",
        /// There is no such thing.
        NotFound = "not_found",
        /// The path knows other methods: see `Allow`.
        MethodNotAllowed = "method_not_allowed",
        /// Another session is active for this project on this machine.
        SessionConflict = "session_conflict",
        /// Another live session holds the slot.
        SlotConflict = "slot_conflict",
        /// The machine takes no sessions now.
        MachineUnavailable = "machine_unavailable",
        /// The machine is registered already, or has live sessions.
        MachineConflict = "machine_conflict",
        /// Not from this status.
        InvalidTransition = "invalid_transition",
        /// The session has ended.
        SessionEnded = "session_ended",
        /// The entity is not at the revision that `If-Match` names.
        RevisionMismatch = "revision_mismatch",
        /// Too many requests: see `Retry-After`.
        RateLimited = "rate_limited",
        /// The body is too large.
        PayloadTooLarge = "payload_too_large",
        /// The body is not JSON.
        UnsupportedMediaType = "unsupported_media_type",
        /// The store is out of reach: see `Retry-After`.
        StoreUnavailable = "store_unavailable",
        /// It took too long.
        Timeout = "timeout",
        /// The service is shutting down.
        Draining = "draining",
        /// The service failed; the log says why, under the request's id.
        Internal = "internal",
    }
}

/// One bad field, or one thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Detail {
    /// The field of the body, the query parameter or the header; or what the message holds, such as
    /// `existing_session_id`.
    #[cfg_attr(feature = "schema", schema(example = "project_id"))]
    pub field: String,
    /// What is wrong with it; or the value.
    #[cfg_attr(feature = "schema", schema(example = "is required"))]
    pub message: String,
}

/// What every error answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// The HTTP status.
    #[serde(rename = "statusCode")]
    #[cfg_attr(feature = "schema", schema(example = 400))]
    pub status_code: u16,
    /// The HTTP reason phrase.
    #[cfg_attr(feature = "schema", schema(example = "Bad Request"))]
    pub error: String,
    /// For people: what happened, what stands in the way, what to do.
    pub message: String,
    /// When.
    pub timestamp: Time,
    /// The path that was asked for, as it came, without the query.
    #[cfg_attr(feature = "schema", schema(example = "/api/sessions"))]
    pub path: String,
    /// The request's id, as in `X-Request-Id` and in the log.
    pub request_id: Uuid,
    /// For programs. Kept as text, so that a client can read a code that is newer than itself.
    #[cfg_attr(feature = "schema", schema(value_type = ErrorCode))]
    pub code: String,
    /// Every bad field, or what stands in the way.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub details: Vec<Detail>,
}

impl ErrorBody {
    /// What a detail says, such as the `existing_session_id`.
    pub fn detail(&self, field: &str) -> Option<&str> {
        self.details.iter().find(|detail| detail.field == field).map(|detail| detail.message.as_str())
    }
}
