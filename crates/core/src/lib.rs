//! The domain of Rekindle: sessions that work through a project's tasks on machines, how their silence is noticed,
//! and how they are brought back exactly once.
//!
//! Read in this order: [`session`], [`task`] and [`machine`] (what there is, and the table of its states), [`rules`]
//! (pure decisions over several of them), [`access`] (who may), [`store`] (the port that a database implements),
//! [`tracker`] (the use cases: load → decide → commit), [`check`] (whether all that is stored makes sense). Nothing here does I/O, starts a thread, needs a runtime or derives a serializer.

pub mod access;
pub mod check;
pub mod edge;
pub mod error;
pub mod event;
pub mod machine;
pub mod rules;
pub mod session;
pub mod store;
pub mod task;
pub mod tracker;
pub mod values;

pub use access::{Actor, ApiKey, Role};
pub use edge::{Clock, Ids, RandomIds, SystemClock};
pub use error::{Error, Rejection};
pub use machine::{Machine, MachineStatus};
pub use session::{Session, SessionStatus};
pub use store::{Store, StoreError, Version, Versioned};
pub use task::{Task, TaskStatus};
pub use tracker::{Policy, Tracker};
pub use values::{
    ErrorMessage, FieldUpdate, Hostname, InvalidValue, IssueId, KeyId, KeyName, MachineId, Metadata, MetadataPatch,
    ProjectId, SessionId, Slot, TaskId, TaskLabel, TaskName, Timestamp,
};
