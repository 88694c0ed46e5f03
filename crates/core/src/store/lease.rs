//! Leases: which of several processes does a job that only one of them may do. A lease expires by the store's clock.
//! Its fencing token rises with each change of the holder, so that a process that lost the lease can no longer write.

use std::time::Duration;

use uuid::Uuid;

use crate::values::string_enum::string_enum;

string_enum! {
    /// The jobs that one process does at a time.
    pub enum LeaseName {
        /// Detection passes.
        Detection = "detection",
        /// Retention passes.
        Retention = "retention",
    }
}

/// A request of a process for a lease, or for its renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The lease.
    pub lease: LeaseName,
    /// The id of the process, made at its start.
    pub holder: Uuid,
    /// The time until the lease expires, by the store's clock.
    pub ttl: Duration,
}

/// The proof that a process holds a lease. It stays current after the lease expires, until another holder takes the
/// lease or it is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The lease.
    pub lease: LeaseName,
    /// The fencing token: raised when the lease goes to another holder, or is granted again after a release; never
    /// zero.
    pub token: u64,
}
