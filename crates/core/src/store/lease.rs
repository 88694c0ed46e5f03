//! Leases: which of several processes does what only one may do. A lease runs out by the store's clock, and each time it
//! changes hands its fencing token rises, so that whoever lost it without noticing can write nothing any more.

use std::time::Duration;

use uuid::Uuid;

use crate::values::string_enum::string_enum;

string_enum! {
    /// What one process of several does at a time.
    pub enum LeaseName {
        /// Marking who fell silent.
        Detection = "detection",
        /// Deleting what is old.
        Retention = "retention",
    }
}

/// A process's wish to have a duty, or to keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The duty.
    pub duty: LeaseName,
    /// Who asks: made once for each process.
    pub holder: Uuid,
    /// For how long from now, by the store's clock.
    pub ttl: Duration,
}

/// The right to a duty, as the store knows it. It holds until somebody else has the duty, also past its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The duty.
    pub duty: LeaseName,
    /// Raised each time the duty goes to another holder, and when it is taken anew after it was given back; never zero.
    pub token: u64,
}
