//! The record of a machine.

use rekindle_core::domain::machine::{Machine, MachineStatus};
use rekindle_core::values::{Slot, Slots};

use crate::declaration::{Condition, Declaration, Index, declare_fields};
use crate::decoder::{DecodeError, Decoder};
use crate::encoder::Encoder;
use crate::record::{Key, Record};

declare_fields! {
    /// Names the record.
    ID = Field::text("id").named_in_documents("machine_id");
    /// Its host name.
    HOSTNAME = Field::text("hostname").mutable();
    /// The slots that it offers.
    DOCKER_SLOTS = Field::integers("docker_slots").mutable();
    /// Its status.
    STATUS = Field::text("status").mutable();
    /// Its last heartbeat.
    LAST_HEARTBEAT = Field::time("last_heartbeat").latest();
    /// When it was registered.
    CREATED_AT = Field::time("created_at");
    /// When it last changed.
    UPDATED_AT = Field::time("updated_at").mutable();
    /// The caller's own data.
    METADATA = Field::object("metadata").mutable();
}

use fields::{CREATED_AT, DOCKER_SLOTS, HOSTNAME, ID, LAST_HEARTBEAT, METADATA, STATUS, UPDATED_AT};

pub(crate) static DECLARATION: Declaration = Declaration {
    name: "machines",
    fields: fields::ALL,
    key: Some(&ID),
    sequence: "seq",
    versioned: true,
    unique: &[],
    indexes: &[
        Index::of("created", &[]).by_creation(&CREATED_AT),
        Index::of("status", &[&STATUS]).by_creation(&CREATED_AT),
        Index::of("silence", &[&LAST_HEARTBEAT]).only(&[Condition::Is(&STATUS, MachineStatus::Online.as_str())]),
    ],
};

impl Record for Machine {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn key(&self) -> Option<Key<'_>> {
        Some(Key::Text(self.id.as_str()))
    }

    fn encode<E: Encoder>(&self, to: &mut E) -> Result<(), E::Error> {
        to.text(&ID, self.id.as_str())?;
        to.text(&HOSTNAME, self.hostname.as_str())?;
        to.integers(&DOCKER_SLOTS, self.docker_slots.as_slice().iter().map(|slot| slot.0.into()))?;
        to.text(&STATUS, self.status.as_str())?;
        to.time(&LAST_HEARTBEAT, self.last_heartbeat)?;
        to.time(&CREATED_AT, self.created_at)?;
        to.time(&UPDATED_AT, self.updated_at)?;
        to.object(&METADATA, self.metadata.as_map())
    }

    fn decode<D: Decoder>(from: &mut D) -> Result<Self, DecodeError> {
        Ok(Self {
            id: from.text(&ID)?,
            hostname: from.text(&HOSTNAME)?,
            docker_slots: slots(from)?,
            status: from.text(&STATUS)?,
            last_heartbeat: from.time(&LAST_HEARTBEAT)?,
            created_at: from.time(&CREATED_AT)?,
            updated_at: from.time(&UPDATED_AT)?,
            metadata: from.metadata(&METADATA)?,
        })
    }
}

fn slots<D: Decoder>(from: &mut D) -> Result<Slots, DecodeError> {
    let numbers = from.read_integers(&DOCKER_SLOTS)?;
    let slots = D::required(&DOCKER_SLOTS, numbers)?.into_iter().map(Slot::try_from).collect::<Result<Vec<_>, _>>();
    let slots = slots.map_err(|error| D::invalid(&DOCKER_SLOTS, format!("holds one that {error}")))?;
    Slots::try_from(slots).map_err(|error| D::invalid(&DOCKER_SLOTS, error))
}
