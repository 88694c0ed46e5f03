//! The line of a machine.

use rekindle_core::values::Slots;
use rekindle_core::{InvalidValue, Machine, Metadata, Slot, Timestamp, Versioned};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fields::{At, field, text};

/// The line of a machine.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MachineRow {
    id: String,
    version: At,
    hostname: String,
    docker_slots: Vec<u16>,
    status: String,
    last_heartbeat: i64,
    created_at: i64,
    updated_at: i64,
    metadata: Map<String, Value>,
}

impl From<&Versioned<Machine>> for MachineRow {
    fn from(Versioned { value, version }: &Versioned<Machine>) -> Self {
        Self {
            id: value.id.to_string(),
            version: (*version).into(),
            hostname: value.hostname.to_string(),
            docker_slots: value.docker_slots.as_slice().iter().map(|slot| slot.0).collect(),
            status: value.status.to_string(),
            last_heartbeat: value.last_heartbeat.millis(),
            created_at: value.created_at.millis(),
            updated_at: value.updated_at.millis(),
            metadata: value.metadata.as_map().clone(),
        }
    }
}

impl MachineRow {
    /// Returns the machine.
    pub(super) fn versioned(self) -> Result<Versioned<Machine>, InvalidValue> {
        let slots = self.docker_slots.into_iter().map(Slot).collect::<Vec<_>>();
        let value = Machine {
            id: text("id", self.id)?,
            hostname: text("hostname", self.hostname)?,
            docker_slots: field("docker_slots", Slots::try_from(slots))?,
            status: field("status", self.status.parse())?,
            last_heartbeat: Timestamp::from_millis(self.last_heartbeat),
            metadata: field("metadata", Metadata::new(self.metadata))?,
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        };
        Ok(Versioned { value, version: self.version.version()? })
    }
}
