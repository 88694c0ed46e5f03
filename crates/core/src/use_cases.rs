//! The use cases. Each loads, decides and commits, and starts over when a row changed in between (`decide`). All
//! attempts use the same time and ids, so that a write whose outcome is unknown can be repeated.
//!
//! [`Tracker`] is the entry point; it has one handle for each entity. `engine` is what they share.

mod audit;
mod batches;
mod decide;
mod detection;
mod engine;
pub mod error;
mod handles;
mod health;
mod heartbeats;
mod idempotency;
mod input;
mod keys;
mod machines;
mod observer;
mod policy;
mod recovery;
mod retention;
mod session_changes;
mod sessions;
mod stored_responses;
mod tasks;
mod tracker;

pub use detection::{DetectionReport, StalledSession};
pub use handles::{ApiKeys, Machines, Sessions, Tasks};
pub use health::{SessionHealth, StalledReport};
pub use idempotency::IdempotentRequest;
pub use input::{
    CleanupMode, HeartbeatReport, IfMatch, MachinePatch, NewMachine, NewSession, NewTask, SessionPatch, SessionTarget,
    SlotRelease, TaskPatch,
};
pub use keys::{NewKey, Rotated};
pub use machines::{MachineView, Registered};
pub use observer::Observer;
pub use policy::Policy;
pub use recovery::{Recovered, RecoveryState};
pub use retention::CleanupReport;
pub use tracker::Tracker;
