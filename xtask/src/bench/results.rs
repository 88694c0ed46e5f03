//! What a run of the benchmark measured.

use super::beats::BeatRow;
use super::detection::PassRow;
use super::requests::RequestRow;

/// What was measured with one number of live sessions.
pub struct Stage {
    pub sessions: u32,
    pub beats: Vec<BeatRow>,
    pub requests: Vec<RequestRow>,
    /// The most memory that the server had resident from its start to its end, in bytes.
    pub peak_memory: u64,
    /// The size of the database before the load, in bytes.
    pub database: u64,
}

/// All that was measured.
pub struct Measured {
    pub stages: Vec<Stage>,
    pub passes: Vec<PassRow>,
}
