//! The domain of Rekindle: sessions that work through a project's tasks on machines, how their silence is noticed,
//! and how they are brought back exactly once.
//!
//! The modules stand on one another in this order, and none refers to a later one: [`values`] (ids, texts, times),
//! [`domain`] (what there is, and the table of its states), [`store`] (the port that a database implements), [`rules`]
//! (pure decisions over several entities), [`use_cases`] (load → decide → commit). [`clock`] hands in time and ids.
//! Nothing here does I/O, starts a thread, needs a runtime or derives a serializer.

#![warn(unreachable_pub)]

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
