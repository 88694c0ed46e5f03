//! The bodies of the HTTP API, defined once: the server writes and documents them, a client reads and sends them.
//!
//! The feature `core` adds the conversions from the values of `rekindle_core`, and the feature `schema` adds the
//! schemas of the OpenAPI document; the server turns both on. The documentation of the types is part of that document.
//! The server reads requests field by field, so that it can name every invalid field at once.

#![warn(missing_docs, unreachable_pub)]

mod audit;
mod error;
#[cfg(feature = "core")]
mod from_core;
mod health;
mod key;
mod machine;
mod query;
mod recovery;
mod session;
mod task;
mod text_enum;
mod time;

pub use audit::{AuditEvent, AuditTrail};
pub use error::{Detail, ErrorBody, ErrorCode};
pub use health::{
    CircuitHealth, DatabaseHealth, Dependencies, DetailedHealth, Health, HealthStatus, JobHealth, JobsHealth, Ready,
};
pub use key::{ApiKey, ApiKeyList, CreateApiKey, NewApiKey, Role, RotateApiKey};
pub use machine::{CreateMachine, Machine, MachineList, MachineStatus, PatchMachine};
pub use query::{ArchivedQuery, AuditQuery, CleanupQuery, MachineQuery, SessionQuery, StalledQuery, TaskQuery};
pub use recovery::{CleanupReport, DetectReport, PrepareRecovery, Recover, RecoveryState};
pub use session::{
    CreateSession, HealthSummary, HeartbeatBody, HeartbeatResponse, MarkFailed, PatchSession, Session, SessionHealth,
    SessionList, SessionStatus, StalledReport, StalledSession,
};
pub use task::{CreateTask, PatchTask, Task, TaskList, TaskStatus};
pub use text_enum::InvalidTextError;
pub use time::Time;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A JSON object.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// A field that may be absent (leave it), null (clear it) or have a value (set it).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Nullable<T> {
    /// The field is not sent.
    #[default]
    Absent,
    /// The field is sent as null.
    Null,
    /// The field is sent with this value.
    Value(T),
}

impl<T> Nullable<T> {
    /// Whether the field is not sent.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// Returns a duration in whole milliseconds.
pub fn duration_millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
