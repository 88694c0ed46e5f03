//! What a background job is.

use std::time::Duration;

use async_trait::async_trait;
use rekindle_core::store::LeaseName;
use rekindle_core::{Error, Timestamp, Tracker};

/// A series of passes. It keeps nothing between them: it may be dropped at any point and started anew.
#[async_trait]
pub trait Job: Send + Sync + 'static {
    /// Its name, in the log, in metrics and in the service's health.
    fn name(&self) -> &'static str;

    /// The lease under which one process of those that share a store does it; without one each process does.
    fn lease(&self) -> Option<LeaseName> {
        None
    }

    /// When the first pass is due. `started` is when the scheduler took the job on; since then it may have been started
    /// again, or another process may have done it.
    fn first(&self, started: Timestamp, now: Timestamp) -> NextPass;

    /// Makes one pass, which was due at that time, and returns when the next one is. The tracker writes only while this
    /// process has the lease.
    ///
    /// # Errors
    /// When the pass failed, which the job has logged.
    async fn run(&self, tracker: &Tracker, due: Timestamp) -> Result<NextPass, PassError>;

    /// When a pass follows after so many failures in a row.
    fn after_failure(&self, failures: u32, tracker: &Tracker) -> NextPass;
}

/// When a pass is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPass {
    /// After a pause.
    After(Duration),
    /// At a time of the service's clock.
    At(Timestamp),
    /// Never: its schedule has no next time.
    Never,
}

impl From<Option<Timestamp>> for NextPass {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Never, Self::At)
    }
}

/// Why a pass failed.
#[derive(Debug)]
pub enum PassError {
    /// A use case failed. After [`Error::Fenced`] another process does the job.
    UseCase(Error),
    /// Something else did, in words that may be shown.
    Other(String),
}

impl From<Error> for PassError {
    fn from(error: Error) -> Self {
        Self::UseCase(error)
    }
}
