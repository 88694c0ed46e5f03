//! A machine that sessions run on, and its state machine. The sessions that are live on it are not stored here: they
//! are derived from the sessions.

pub mod transition;

use crate::values::string_enum::string_enum;
use crate::values::{Hostname, MachineId, Metadata, Slots, Timestamp};

/// A machine, without its version (see [`crate::store::Versioned`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// The id, unique among all machines.
    pub id: MachineId,
    /// The host name that the machine reported.
    pub hostname: Hostname,
    /// The slots that it offers to sessions.
    pub docker_slots: Slots,
    /// Whether it takes sessions.
    pub status: MachineStatus,
    /// The time of its last heartbeat; those of its sessions do not count.
    pub last_heartbeat: Timestamp,
    /// The client's own data.
    pub metadata: Metadata,
    /// The time of its registration.
    pub created_at: Timestamp,
    /// The time of its last change, heartbeats excepted.
    pub updated_at: Timestamp,
}

string_enum! {
    /// Whether a machine takes sessions.
    pub enum MachineStatus {
        /// It takes sessions.
        Online = "online",
        /// It missed its deadline or was declared offline. It takes no recovered sessions.
        Offline = "offline",
        /// It takes no sessions, and missing heartbeats are ignored.
        Maintenance = "maintenance",
    }
}

#[cfg(test)]
mod tests;
