//! Whether a machine can take a session, with or without a slot.

use crate::domain::machine::{Machine, MachineStatus};
use crate::domain::rejection::Rejection;
use crate::values::Slot;

/// What a session is placed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new session, which already runs on the machine: it may be placed on an offline one.
    NewSession,
    /// A successor, which is yet to be started on the machine: the machine must be online.
    Recovery,
}

/// Checks that a registered machine can take a session.
///
/// # Errors
/// Fails with [`Rejection::Invalid`] for a slot that the machine does not have, and with
/// [`Rejection::MachineUnavailable`].
pub fn check_available(machine: &Machine, slot: Option<Slot>, purpose: Purpose) -> Result<(), Rejection> {
    let available = match (machine.status, purpose) {
        (MachineStatus::Online, _) | (MachineStatus::Offline, Purpose::NewSession) => true,
        (MachineStatus::Offline, Purpose::Recovery) | (MachineStatus::Maintenance, _) => false,
    };
    match slot {
        Some(slot) if !machine.docker_slots.contains(slot) => {
            let slots: Vec<_> = machine.docker_slots.as_slice().iter().map(ToString::to_string).collect();
            let has = if slots.is_empty() { "none".to_owned() } else { slots.join(", ") };
            Err(Rejection::Invalid {
                field: "docker_slot",
                why: format!("must be a slot of machine {}, which has {has}", machine.id),
            })
        }
        _ if !available => Err(Rejection::MachineUnavailable { machine: machine.id.clone(), status: machine.status }),
        _ => Ok(()),
    }
}
