//! The limits that an operator configures.

use std::time::Duration;

/// The limits that an operator configures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The silence after which an active session is stalled.
    pub stall_threshold: Duration,
    /// The longest wait between two detection passes.
    pub detect_interval: Duration,
    /// The age in days at which ended, unarchived sessions are deleted.
    pub retention_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { stall_threshold: Duration::from_secs(180), detect_interval: Duration::from_secs(1), retention_days: 30 }
    }
}

impl Policy {
    /// Returns how soon a session should send its next heartbeat: a third of the threshold, so that two may be lost.
    pub fn next_heartbeat(&self) -> Duration {
        self.stall_threshold / 3
    }
}
