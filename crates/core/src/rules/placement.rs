//! Whether a machine may take a session, on one of its slots or without.

use crate::domain::machine::{Machine, MachineStatus};
use crate::domain::rejection::Rejection;
use crate::values::Slot;

/// Why somebody looks for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A session that says itself where it runs: it knows better than we whether its machine is up.
    NewSession,
    /// A successor that is to be started there: the machine must be up.
    Recovery,
}

/// Whether a registered machine may take a session.
///
/// # Errors
/// [`Rejection::MachineUnavailable`], or [`Rejection::Invalid`] for a slot that it does not have.
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
