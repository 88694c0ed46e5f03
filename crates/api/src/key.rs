//! API keys, as they are sent and answered. A secret is answered once, to whoever made the key.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text_enum::text_enum;
use crate::time::Time;

text_enum! {
    /// What a key may do; each role may do all that the ones before it may.
    Role {
        /// Looks.
        Reader = "reader",
        /// Works: sessions, heartbeats, tasks, recoveries, its own machine.
        Worker = "worker",
        /// Looks after what others do: deletes, cleans up, reads the audit trail.
        Operator = "operator",
        /// Hands out keys.
        Admin = "admin",
    }
}

/// A key that was handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// Names it, and is no secret.
    pub key_id: Uuid,
    /// What it is called.
    #[cfg_attr(feature = "schema", schema(example = "ci runner"))]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The one project that it may see and touch; null: all.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub project_id: Option<String>,
    /// `valid`, `expired` or `revoked`.
    #[cfg_attr(feature = "schema", schema(example = "valid"))]
    pub state: String,
    /// When it was made.
    pub created_at: Time,
    /// From when on it is let in no more.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub expires_at: Option<Time>,
    /// When somebody took it away.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub revoked_at: Option<Time>,
    /// The key that takes its place.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub replaced_by: Option<Uuid>,
    /// Raised by each change; also the ETag.
    #[cfg_attr(feature = "schema", schema(minimum = 1))]
    pub revision: u64,
}

/// A key that was just made, with its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// What to send as `X-API-Key`. Shown now and never again: of a request that is repeated with its
    /// `Idempotency-Key`, the answer has null here.
    #[cfg_attr(feature = "schema", schema(required = true))]
    pub secret: Option<Uuid>,
}

/// Every key that was handed out, newest first. Those of the setting `API_KEYS` are not among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApiKeyList {
    /// The keys.
    pub keys: Vec<ApiKey>,
    /// How many there are.
    pub total: u64,
}

/// A key to be handed out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "name": "ci runner", "role": "worker", "expires_in_days": 90 })))]
pub struct CreateApiKey {
    /// What it is called.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200, example = "ci runner"))]
    pub name: String,
    /// What it may do.
    #[cfg_attr(feature = "schema", schema(value_type = Role))]
    pub role: String,
    /// The one project that it may see and touch. Not for an administrator's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 200))]
    pub project_id: Option<String>,
    /// For how long it is good; without it until it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 3650))]
    pub expires_in_days: Option<u64>,
}

/// How a key is to be replaced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(example = json!({ "overlap_seconds": 86400 })))]
pub struct RotateApiKey {
    /// For how long the old key is let in beside the new one; a day unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 2_592_000, nullable = false))]
    pub overlap_seconds: Option<u64>,
    /// For how long the new key is good; without it as long as the old one was to be, from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 3650))]
    pub expires_in_days: Option<u64>,
}
