//! The domain of Rekindle: sessions that work through a project's tasks on machines, the detection of sessions that
//! stop sending heartbeats, and their recovery, which happens exactly once.
//!
//! Each module depends only on those before it: [`values`] (ids, texts, times), [`domain`] (entities and their state
//! machines), [`store`] (the port that a database implements), [`rules`] (pure decisions over several entities),
//! [`use_cases`] (load → decide → commit). [`clock`] supplies time and ids.
//! Nothing here does I/O, starts a thread, needs a runtime or derives a serializer.

#![warn(missing_docs)]

pub mod clock;
pub mod domain;
pub mod rules;
pub mod store;
pub mod use_cases;
pub mod values;

pub use clock::{Clock, Ids, RandomIds, SystemClock};
pub use domain::api_key::{Actor, ApiKey, Role};
pub use domain::machine::{Machine, MachineStatus};
pub use domain::rejection::Rejection;
pub use domain::session::{Session, SessionStatus};
pub use domain::task::{Task, TaskStatus};
pub use store::{Store, StoreError, Version, Versioned};
pub use use_cases::error::Error;
pub use use_cases::{Policy, Tracker};
pub use values::{
    ErrorMessage, FieldUpdate, Hostname, InvalidValue, IssueId, KeyId, KeyName, MachineId, Metadata, MetadataPatch,
    ProjectId, SessionId, Slot, TaskId, TaskLabel, TaskName, Timestamp,
};
