//! The record of a machine.

use rekindle_core::domain::machine::{Machine, MachineStatus};
use rekindle_core::values::{Slot, Slots};

use crate::declaration::Declaration;
use crate::decoder::{DecodeError, DecodeFields, Decoder};
use crate::encoder::{EncodeError, Encoder};
use crate::index::{Condition, DocumentIndex, DocumentOrder, Index};
use crate::record::Record;

crate::declare_fields! {
    /// Names the record.
    ID = Field::text("id").named_in_documents("machine_id").up_to(200);
    /// Its host name.
    HOSTNAME = Field::text("hostname").up_to(200).mutable();
    /// The slots that it offers.
    DOCKER_SLOTS = Field::integers("docker_slots").mutable();
    /// Its status.
    STATUS = Field::text("status").mutable().one_of(rekindle_core::domain::machine::MachineStatus::TEXTS);
    /// Its last heartbeat.
    LAST_HEARTBEAT = Field::time("last_heartbeat").latest();
    /// When it was registered.
    CREATED_AT = Field::time("created_at");
    /// When it last changed.
    UPDATED_AT = Field::time("updated_at").mutable();
    /// The caller's own data.
    METADATA = Field::object("metadata").mutable().own();
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
    counted: None,
    document_indexes: Some(&[
        DocumentIndex::of(&[""], &[&ID]).unique(),
        DocumentIndex::of(&[], &[&STATUS]),
        DocumentIndex::of(&[], &[&LAST_HEARTBEAT]),
        DocumentIndex::of(&["silence"], &[&STATUS, &LAST_HEARTBEAT])
            .named("silence")
            .then(DocumentOrder::Recorded)
            .only(&[Condition::Is(&STATUS, MachineStatus::Online.as_str())]),
        DocumentIndex::of(&["created"], &[]).then(DocumentOrder::NewestFirst(&CREATED_AT)),
        DocumentIndex::of(&["status"], &[&STATUS]).then(DocumentOrder::NewestFirst(&CREATED_AT)),
    ]),
};

impl Record for Machine {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.put(&ID, self.id.as_str().into())?;
        to.put(&HOSTNAME, self.hostname.as_str().into())?;
        to.put(
            &DOCKER_SLOTS,
            self.docker_slots.as_slice().iter().map(|slot| i64::from(slot.0)).collect::<Vec<_>>().into(),
        )?;
        to.put(&STATUS, self.status.as_str().into())?;
        to.put(&LAST_HEARTBEAT, self.last_heartbeat.into())?;
        to.put(&CREATED_AT, self.created_at.into())?;
        to.put(&UPDATED_AT, self.updated_at.into())?;
        to.put(&METADATA, self.metadata.as_map().into())
    }

    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError> {
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

fn slots<D: Decoder + ?Sized>(from: &mut D) -> Result<Slots, DecodeError> {
    let slots = from.integers(&DOCKER_SLOTS)?.into_iter().map(Slot::try_from).collect::<Result<Vec<_>, _>>();
    let slots = slots.map_err(|error| from.invalid(&DOCKER_SLOTS, format!("holds one that {error}")))?;
    Slots::try_from(slots).map_err(|error| from.invalid(&DOCKER_SLOTS, error))
}
