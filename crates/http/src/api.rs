//! The bodies of the API, defined once: the server writes and documents them, a client reads and sends them.
//!
//! Answers are made from the values of `rekindle_core`. The server reads requests field by field (see
//! `crate::parse`), so that it can name every bad field at once; the request types here are what clients send and
//! what the OpenAPI document says.

mod audit;
mod error;
mod health;
mod key;
mod machine;
mod query;
mod recovery;
mod session;
mod task;
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

/// A span in whole milliseconds.
pub(crate) fn time_ms(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// An enum of the API that mirrors one of the core: the same names, the same words.
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident of $core:ty { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$vdoc])* $variant),+
        }

        impl From<$core> for $name {
            fn from(status: $core) -> Self {
                match status {
                    $(<$core>::$variant => Self::$variant),+
                }
            }
        }

        impl From<$name> for $core {
            fn from(status: $name) -> Self {
                match status {
                    $($name::$variant => Self::$variant),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(<$core>::from(*self).as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = rekindle_core::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse::<$core>().map(Self::from)
            }
        }
    };
}
use wire_enum;

#[cfg(test)]
mod tests;
