//! The record of an event. Its position is the store's own, and is no field.

use std::net::IpAddr;

use rekindle_core::Actor;
use rekindle_core::domain::event::{Event, Subject};
use rekindle_core::values::{KeyId, MachineId, SessionId, TaskId};
use uuid::Uuid;

use crate::declaration::Declaration;
use crate::decoder::{DecodeError, DecodeFields, Decoder};
use crate::encoder::{EncodeError, Encoder};
use crate::index::{Condition, Index};
use crate::record::Record;

crate::declare_fields! {
    /// When it happened.
    AT = Field::time("at");
    /// What happened.
    KIND = Field::text("kind");
    /// The session that it happened to, or of which the task is.
    SESSION_ID = Field::uuid("session_id").nullable();
    /// The task that it happened to.
    TASK_ID = Field::uuid("task_id").nullable();
    /// The machine that it happened to.
    MACHINE_ID = Field::text("machine_id").up_to(200).nullable();
    /// The API key that it happened to.
    KEY_ID = Field::uuid("key_id").nullable();
    /// The session with which it is deleted.
    KEPT_WITH = Field::uuid("kept_with").nullable().derived();
    /// The API key of the actor.
    BY_KEY = Field::uuid("by_key").nullable();
    /// The address of the actor.
    BY_ADDRESS = Field::text("by_address").up_to(64).nullable();
    /// The request of the actor; absent: it happened by itself.
    BY_REQUEST = Field::uuid("by_request").nullable();
    /// What else is worth knowing.
    DETAIL = Field::object("detail");
}

use fields::{AT, BY_ADDRESS, BY_KEY, BY_REQUEST, DETAIL, KEPT_WITH, KEY_ID, KIND, MACHINE_ID, SESSION_ID, TASK_ID};

pub(crate) static DECLARATION: Declaration = Declaration {
    name: "events",
    fields: fields::ALL,
    key: None,
    sequence: "position",
    versioned: false,
    unique: &[],
    indexes: &[
        Index::of("session", &[&SESSION_ID]).only(&[Condition::Present(&SESSION_ID)]),
        Index::of("machine", &[&MACHINE_ID]).only(&[Condition::Present(&MACHINE_ID)]),
        Index::of("by_key", &[&BY_KEY]).only(&[Condition::Present(&BY_KEY)]),
        // Those that go by age.
        Index::of("loose", &[&AT]).only(&[Condition::Absent(&KEPT_WITH)]),
    ],
    counted: None,
    document_indexes: None,
};

impl Record for Event {
    const DECLARATION: &'static Declaration = &DECLARATION;

    fn encode<E: Encoder + ?Sized>(&self, to: &mut E) -> Result<(), EncodeError> {
        let (session, task, machine, key) = match &self.subject {
            Subject::Session(session) => (Some(session.0), None, None, None),
            Subject::Task(task, session) => (Some(session.0), Some(task.0), None, None),
            Subject::Machine(machine) => (None, None, Some(machine), None),
            Subject::Key(key) => (None, None, None, Some(key.0)),
            Subject::Service => (None, None, None, None),
        };
        let by = self.by.as_ref();
        let address = by.and_then(|actor| actor.address).map(|address| address.to_string());
        to.put(&AT, self.at.into())?;
        to.put(&KIND, self.kind.as_str().into())?;
        to.put(&SESSION_ID, session.into())?;
        to.put(&TASK_ID, task.into())?;
        to.put(&MACHINE_ID, machine.map(MachineId::as_str).into())?;
        to.put(&KEY_ID, key.into())?;
        to.put(&KEPT_WITH, self.deleted_with_session().map(|id| id.0).into())?;
        to.put(&BY_KEY, by.and_then(|actor| actor.key).map(|key| key.0).into())?;
        to.put(&BY_ADDRESS, address.as_deref().into())?;
        to.put(&BY_REQUEST, by.map(|actor| actor.request).into())?;
        to.put(&DETAIL, (&self.detail).into())
    }

    fn decode<D: Decoder + ?Sized>(from: &mut D) -> Result<Self, DecodeError> {
        let at = from.time(&AT)?;
        let kind = from.text(&KIND)?;
        let subject = subject(from)?;
        let by = actor(from)?;
        let detail = from.object(&DETAIL)?;
        Ok(Self { at, kind, subject, detail, by })
    }
}

fn subject<D: Decoder + ?Sized>(from: &mut D) -> Result<Subject, DecodeError> {
    let session = from.optional_uuid(&SESSION_ID)?.map(SessionId);
    let task = from.optional_uuid(&TASK_ID)?.map(TaskId);
    let machine: Option<MachineId> = from.optional_text(&MACHINE_ID)?;
    let key = from.optional_uuid(&KEY_ID)?.map(KeyId);
    match (session, task, machine, key) {
        (Some(session), None, None, None) => Ok(Subject::Session(session)),
        (Some(session), Some(task), None, None) => Ok(Subject::Task(task, session)),
        (None, None, Some(machine), None) => Ok(Subject::Machine(machine)),
        (None, None, None, Some(key)) => Ok(Subject::Key(key)),
        (None, None, None, None) => Ok(Subject::Service),
        (_, _, _, _) => Err(DecodeError::Contradiction("it happened to two at once")),
    }
}

fn actor<D: Decoder + ?Sized>(from: &mut D) -> Result<Option<Actor>, DecodeError> {
    let key = from.optional_uuid(&BY_KEY)?.map(KeyId);
    let address: Option<IpAddr> = from.optional_text(&BY_ADDRESS)?;
    let request: Option<Uuid> = from.optional_uuid(&BY_REQUEST)?;
    if request.is_none() && (key.is_some() || address.is_some()) {
        from.required(&BY_REQUEST, request)?;
    }
    Ok(request.map(|request| Actor { key, address, request }))
}
