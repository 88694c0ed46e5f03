//! What a run of the benchmark measured.

use super::detection::PassRow;
use super::heartbeats::HeartbeatRow;
use super::requests::RequestRow;

/// The results with one number of live sessions.
pub(super) struct Stage {
    pub sessions: u32,
    pub beats: Vec<HeartbeatRow>,
    pub requests: Vec<RequestRow>,
    /// The most resident memory of the server from its start to its end, in bytes.
    pub peak_memory: u64,
    /// The size of the database before the load, in bytes.
    pub database: u64,
}

pub(super) struct Measured {
    pub stages: Vec<Stage>,
    pub passes: Vec<PassRow>,
}
