//! API keys, as they are sent and answered. A secret is answered once, to whoever made the key.

use rekindle_core::domain::api_key as core;
use rekindle_core::{Timestamp, Versioned};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Time, wire_enum};

wire_enum! {
    /// What a key may do; each role may do all that the ones before it may.
    Role of core::Role {
        /// Looks.
        Reader,
        /// Works: sessions, heartbeats, tasks, recoveries, its own machine.
        Worker,
        /// Looks after what others do: deletes, cleans up, reads the audit trail.
        Operator,
        /// Hands out keys.
        Admin,
    }
}

/// A key that was handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// Names it, and is no secret.
    pub key_id: Uuid,
    /// What it is called.
    #[schema(example = "ci runner")]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The one project that it may see and touch; null: all.
    #[schema(required = true)]
    pub project_id: Option<String>,
    /// `valid`, `expired` or `revoked`.
    #[schema(example = "valid")]
    pub state: String,
    /// When it was made.
    pub created_at: Time,
    /// From when on it is let in no more.
    #[schema(required = true)]
    pub expires_at: Option<Time>,
    /// When somebody took it away.
    #[schema(required = true)]
    pub revoked_at: Option<Time>,
    /// The key that takes its place.
    #[schema(required = true)]
    pub replaced_by: Option<Uuid>,
    /// Raised by each change; also the ETag.
    #[schema(minimum = 1)]
    pub revision: u64,
}

impl ApiKey {
    /// As it stands at this time.
    pub fn at(row: &Versioned<core::ApiKey>, now: Timestamp) -> Self {
        let key = &row.value;
        Self {
            key_id: key.id.0,
            name: key.name.to_string(),
            role: key.role.into(),
            project_id: key.project_id.as_ref().map(ToString::to_string),
            state: key.state(now).as_str().to_owned(),
            created_at: key.created_at.into(),
            expires_at: key.expires_at.map(Time),
            revoked_at: key.revoked_at.map(Time),
            replaced_by: key.replaced_by.map(|id| id.0),
            revision: row.version.revision,
        }
    }
}

/// A key that was just made, with its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKey,
    /// What to send as `X-API-Key`. Shown now and never again: of a request that is repeated with its
    /// `Idempotency-Key`, the answer has null here.
    #[schema(required = true)]
    pub secret: Option<Uuid>,
}

/// Every key that was handed out, newest first. Those of the setting `API_KEYS` are not among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyList {
    /// The keys.
    pub keys: Vec<ApiKey>,
    /// How many there are.
    pub total: u64,
}

/// A key to be handed out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({ "name": "ci runner", "role": "worker", "expires_in_days": 90 }))]
pub struct CreateApiKey {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200, example = "ci runner")]
    pub name: String,
    /// What it may do.
    #[schema(value_type = Role)]
    pub role: String,
    /// The one project that it may see and touch. Not for an administrator's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub project_id: Option<String>,
    /// For how long it is good; without it until it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u64>,
}

/// How a key is to be replaced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({ "overlap_seconds": 86400 }))]
pub struct RotateApiKey {
    /// For how long the old key is let in beside the new one; a day unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 2_592_000, nullable = false)]
    pub overlap_seconds: Option<u64>,
    /// For how long the new key is good; without it as long as the old one was to be, from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u64>,
}
