//! The bodies of the HTTP API, defined once: the server writes and documents them, a client reads and sends them.
//!
//! The feature `core` adds the conversions from the values of `rekindle_core`, and the feature `schema` adds the
//! schemas of the OpenAPI document; the server turns both on. The documentation of the types is part of that document.
//! The server reads requests field by field, so that it can name every invalid field at once.

#![warn(missing_docs)]

mod audit;
mod error;
#[cfg(feature = "core")]
mod from_core;
mod health;
mod key;
mod machine;
mod nullable;
mod object;
mod page;
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
pub use nullable::Nullable;
pub use object::Object;
pub use page::{Listed, Page};
pub use query::{ArchivedQuery, AuditQuery, CleanupQuery, MachineQuery, Paging, SessionQuery, StalledQuery, TaskQuery};
pub use recovery::{CleanupReport, DetectReport, PrepareRecovery, Recover, RecoveryState};
pub use session::{
    CreateSession, HealthSummary, HeartbeatBody, HeartbeatResponse, MarkFailed, PatchSession, Session, SessionHealth,
    SessionList, SessionStatus, StalledReport, StalledSession,
};
pub use task::{CreateTask, PatchTask, Task, TaskList, TaskStatus};
pub use text_enum::InvalidTextError;
pub use time::{Time, duration_millis};

#[cfg(test)]
mod tests;
