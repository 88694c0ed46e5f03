//! The table of a machine's states: what each event does in each status. `docs/state-machines.md` is made from it.

use super::MachineStatus;

/// What can happen to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineEvent {
    /// A heartbeat, or a registration anew, which counts as one.
    Beat,
    /// It fell silent past its deadline.
    Silence,
    /// Somebody declares it online.
    SetOnline,
    /// Somebody declares it offline.
    SetOffline,
    /// Somebody takes it into maintenance.
    SetMaintenance,
}

impl MachineEvent {
    /// Every event.
    pub const ALL: [Self; 5] = [Self::Beat, Self::Silence, Self::SetOnline, Self::SetOffline, Self::SetMaintenance];

    /// The event of asking for this status.
    pub const fn asking_for(status: MachineStatus) -> Self {
        match status {
            MachineStatus::Online => Self::SetOnline,
            MachineStatus::Offline => Self::SetOffline,
            MachineStatus::Maintenance => Self::SetMaintenance,
        }
    }
}

/// The status after `event`; nothing that happens to a machine is refused.
pub const fn step(status: MachineStatus, event: MachineEvent) -> MachineStatus {
    use MachineEvent::{Beat, SetMaintenance, SetOffline, SetOnline, Silence};
    use MachineStatus::{Maintenance, Offline, Online};
    match (status, event) {
        (Online | Offline, Beat) | (Online | Offline | Maintenance, SetOnline) => Online,
        (Online | Offline, Silence) | (Online | Offline | Maintenance, SetOffline) => Offline,
        (Maintenance, Beat | Silence) | (Online | Offline | Maintenance, SetMaintenance) => Maintenance,
    }
}
