//! A machine as a document.

use bson::{Bson, Document, RawDocument, doc};
use rekindle_core::domain::machine::Machine;
use rekindle_core::store::{StoreError, Version, Versioned};
use rekindle_core::values::{Slot, Slots};
use uuid::Uuid;

use super::fields::{decode, whole_number};
use super::{Marked, Parts, date, json};

const MUTABLE_FIELDS: &[&str] = &["hostname", "docker_slots", "status", "updated_at", "metadata", "metadata_json"];

fn parts(machine: &Machine) -> Parts {
    let immutable = doc! { "machine_id": machine.id.as_str(), "created_at": date(machine.created_at) };
    let slots: Vec<_> = machine.docker_slots.as_slice().iter().map(|slot| Bson::Int32(slot.0.into())).collect();
    let mut mutable = doc! {
        "hostname": machine.hostname.as_str(),
        "docker_slots": slots,
        "status": machine.status.as_str(),
        "updated_at": date(machine.updated_at),
    };
    json::put(&mut mutable, "metadata", "metadata_json", machine.metadata.as_map());
    Parts { immutable, mutable, mutable_names: MUTABLE_FIELDS, last_heartbeat: Some(machine.last_heartbeat) }
}

/// Encodes a new row: revision 1, no touches.
pub(crate) fn new(machine: &Machine, mark: Uuid) -> Document {
    parts(machine).new_document(mark)
}

/// Returns the update of a row at this version; it keeps the later `last_heartbeat`.
pub(crate) fn changes(machine: &Machine, at: Version) -> Document {
    parts(machine).update(at)
}

pub(crate) fn read(document: &RawDocument) -> Result<Marked<Machine>, StoreError> {
    decode("machines", "machine_id", document, |fields| {
        let mark = fields.mark()?;
        let slots = fields.items("docker_slots", |slot| {
            let number = whole_number(slot).ok_or("docker_slots must be whole numbers")?;
            Slot::try_from(number).map_err(|error| format!("docker_slots: each {error}"))
        })?;
        let value = Machine {
            id: fields.parsed("machine_id")?,
            created_at: fields.time("created_at")?,
            last_heartbeat: fields.time("last_heartbeat")?,
            hostname: fields.parsed("hostname")?,
            docker_slots: Slots::try_from(slots).map_err(|error| format!("docker_slots {error}"))?,
            status: fields.parsed("status")?,
            updated_at: fields.time("updated_at")?,
            metadata: fields.metadata()?,
        };
        Ok(Marked { mark, entity: Versioned { value, version: fields.version()? } })
    })
}
