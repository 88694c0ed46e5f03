//! How much a run of the benchmark measures.

use std::time::Duration;

use super::load::Timing;

pub(super) struct Extent {
    pub sizes: [u32; 2],
    /// How long each load is applied.
    pub timing: Timing,
    /// How often the baseline and the server take turns.
    pub rounds: u32,
    /// The number of sessions to recover.
    pub recoverable: u32,
}

pub(super) const FULL: Extent = Extent {
    sizes: [1_000, 1_000_000],
    timing: Timing { warm_up: Duration::from_secs(1), span: Duration::from_secs(5) },
    rounds: 5,
    recoverable: 60_000,
};
/// Smaller and shorter: creating a million sessions in MongoDB through the port takes most of an hour.
pub(super) const FULL_MONGO: Extent = Extent {
    sizes: [1_000, 100_000],
    timing: Timing { warm_up: Duration::from_secs(1), span: Duration::from_secs(4) },
    rounds: 5,
    recoverable: 20_000,
};
pub(super) const QUICK: Extent = Extent {
    sizes: [1_000, 100_000],
    timing: Timing { warm_up: Duration::from_millis(500), span: Duration::from_millis(1500) },
    rounds: 3,
    recoverable: 20_000,
};
