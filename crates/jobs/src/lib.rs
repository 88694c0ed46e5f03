//! What a server does by itself: each [`Job`] is a series of passes that one [`Scheduler`] runs.
//!
//! A job with a lease runs in one process of those that share a store; a pass that fails is tried again or left out, as
//! the job says; a job that panics is started again. What became of each is in the [`JobRegistry`].

#![warn(missing_docs)]

mod backoff;
mod detection;
mod job;
mod leader_election;
mod retention;
mod schedule;
mod scheduler;
mod status;
mod supervisor;

pub use detection::DetectionJob;
pub use job::{Job, NextPass, PassError};
pub use retention::RetentionJob;
pub use schedule::{CATCH_UP_WINDOW, Schedule};
pub use scheduler::Scheduler;
pub use status::{JobHandle, JobRegistry, JobStatus};
