//! A machine that sessions run on. What it knows, and the table of its states. Which sessions are live on it is not
//! kept here: it is derived from the sessions.

pub mod transition;

use crate::values::string_enum::string_enum;
use crate::values::{Hostname, MachineId, Metadata, Slots, Timestamp};

/// A machine, without its revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// Its host name.
    pub hostname: Hostname,
    /// The slots that it offers.
    pub docker_slots: Slots,
    /// Whether it takes sessions.
    pub status: MachineStatus,
    /// Its last sign of life; its sessions' heartbeats do not count.
    pub last_heartbeat: Timestamp,
    /// The client's own data.
    pub metadata: Metadata,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed; heartbeats alone do not count.
    pub updated_at: Timestamp,
}

string_enum! {
    /// Whether a machine takes sessions.
    pub enum MachineStatus {
        /// It takes sessions.
        Online = "online",
        /// It fell silent, or somebody said so.
        Offline = "offline",
        /// Somebody works on it: no new sessions, and its silence means nothing.
        Maintenance = "maintenance",
    }
}

#[cfg(test)]
mod tests;
