//! The state machine of a machine: what each event does in each status. `docs/state-machines.md` is generated from it.

use super::MachineStatus;

/// The events of a machine's state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineEvent {
    /// A heartbeat. A repeated registration counts as one.
    Heartbeat,
    /// It missed its deadline.
    Silence,
    /// A request declares it online.
    SetOnline,
    /// A request declares it offline.
    SetOffline,
    /// A request takes it into maintenance.
    SetMaintenance,
}

impl MachineEvent {
    /// Every event, in the order of their declaration.
    pub const ALL: [Self; 5] =
        [Self::Heartbeat, Self::Silence, Self::SetOnline, Self::SetOffline, Self::SetMaintenance];

    /// Returns the event of a request for this status.
    pub const fn asking_for(status: MachineStatus) -> Self {
        match status {
            MachineStatus::Online => Self::SetOnline,
            MachineStatus::Offline => Self::SetOffline,
            MachineStatus::Maintenance => Self::SetMaintenance,
        }
    }
}

/// Returns the status after `event`. Every event is possible in every status.
pub const fn step(status: MachineStatus, event: MachineEvent) -> MachineStatus {
    use MachineEvent::{Heartbeat, SetMaintenance, SetOffline, SetOnline, Silence};
    use MachineStatus::{Maintenance, Offline, Online};
    match (status, event) {
        (Online | Offline, Heartbeat) | (Online | Offline | Maintenance, SetOnline) => Online,
        (Online | Offline, Silence) | (Online | Offline | Maintenance, SetOffline) => Offline,
        (Maintenance, Heartbeat | Silence) | (Online | Offline | Maintenance, SetMaintenance) => Maintenance,
    }
}
