//! A machine that sessions run on. What it knows, and the table of its states. Which sessions are live on it is not
//! kept here: it is derived from the sessions.

pub mod transition;

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

/// Whether a machine takes sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MachineStatus {
    /// It takes sessions.
    Online,
    /// It fell silent, or somebody said so.
    Offline,
    /// Somebody works on it: no new sessions, and its silence means nothing.
    Maintenance,
}

impl MachineStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Online, Self::Offline, Self::Maintenance];

    /// As it is written outside.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Maintenance => "maintenance",
        }
    }
}

impl std::fmt::Display for MachineStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for MachineStatus {
    type Err = crate::values::InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::values::one_of(text, &Self::ALL, Self::as_str)
    }
}

#[cfg(test)]
mod tests;
