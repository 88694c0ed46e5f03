//! Every shape comes back as it went, field by field in the order of its declaration; what makes no sense is named.

use std::collections::VecDeque;

use rekindle_core::domain::api_key::{Actor, ApiKey, Role};
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{IdempotencyKey, StoredResponse};
use rekindle_core::values::{KeyId, SessionId, Slot, TaskId};
use rekindle_core::{Session, SessionStatus, Task, TaskStatus, Timestamp};
use rekindle_testkit::sample;
use serde_json::{Value, json};

use super::*;

/// A record in memory. It demands that fields come in the order of the declaration.
#[derive(Clone)]
struct Memory {
    declaration: &'static Declaration,
    fields: VecDeque<(&'static Field, Value)>,
}

impl Memory {
    fn of<R: Record>(record: &R) -> Self {
        let mut memory = Self { declaration: R::DECLARATION, fields: VecDeque::new() };
        record.encode(&mut memory).unwrap();
        assert_eq!(memory.fields.len(), R::DECLARATION.fields.len(), "every field is written");
        memory
    }

    fn with(mut self, field: &'static Field, value: Value) -> Self {
        self.fields.iter_mut().find(|(found, _)| *found == field).unwrap().1 = value;
        self
    }

    fn write(&mut self, field: &'static Field, value: Value) {
        let declared = self.declaration.fields[self.fields.len()];
        assert_eq!(field.name, declared.name, "the order of {}", self.declaration.name);
        assert!(field.nullable || !value.is_null(), "{} is never absent", field.name);
        self.fields.push_back((field, value));
    }

    fn read(&mut self, field: &'static Field) -> Option<Value> {
        let (found, value) = std::iter::from_fn(|| self.fields.pop_front()).find(|(field, _)| !field.derived).unwrap();
        assert_eq!(found.name, field.name, "the order of {}", self.declaration.name);
        Some(value).filter(|value| !value.is_null())
    }
}

impl Encoder for Memory {
    fn put(&mut self, field: &'static Field, value: FieldValue<'_>) -> Result<(), EncodeError> {
        let value = match value {
            FieldValue::Absent => Value::Null,
            FieldValue::Text(text) => json!(text),
            FieldValue::Uuid(id) => json!(id.to_string()),
            FieldValue::Time(at) => json!(at.millis()),
            FieldValue::Integer(number) => json!(number),
            FieldValue::Bytes(bytes) => json!(bytes),
            FieldValue::Object(object) => Value::Object(object.clone()),
            FieldValue::Integers(numbers) => json!(numbers),
        };
        self.write(field, value);
        Ok(())
    }
}

/// Reads a record as a store that accepts those of other programs, or not.
struct Reader<const FOREIGN: bool>(Memory);

impl<const FOREIGN: bool> Reader<FOREIGN> {
    fn read<R: Record>(memory: Memory) -> Result<R, DecodeError> {
        R::decode(&mut Self(memory))
    }
}

impl<const FOREIGN: bool> Decoder for Reader<FOREIGN> {
    fn read(&mut self, field: &'static Field) -> Result<Option<StoredValue<'_>>, DecodeError> {
        let numbers = |value: &Value| value.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect::<Vec<_>>();
        let Some(value) = self.0.read(field) else { return Ok(None) };
        Ok(Some(match field.kind {
            FieldType::Text => StoredValue::Text(value.as_str().unwrap().to_owned().into()),
            FieldType::Uuid => StoredValue::Uuid(value.as_str().unwrap().parse().unwrap()),
            FieldType::Time => StoredValue::Time(Timestamp::from_millis(value.as_i64().unwrap())),
            FieldType::Integer | FieldType::SmallInteger => StoredValue::Integer(value.as_i64().unwrap()),
            FieldType::Bytes => {
                let bytes = numbers(&value).into_iter().map(|byte| u8::try_from(byte).unwrap());
                StoredValue::Bytes(bytes.collect::<Vec<_>>().into())
            }
            FieldType::Object => StoredValue::Object(value.as_object().unwrap().clone()),
            FieldType::Integers => StoredValue::Integers(numbers(&value)),
        }))
    }

    fn accepts_foreign(&self) -> bool {
        FOREIGN
    }
}

#[track_caller]
fn comes_back<R: Record + PartialEq + std::fmt::Debug>(record: &R) {
    assert_eq!(&Reader::<false>::read::<R>(Memory::of(record)).unwrap(), record);
    assert_eq!(&Reader::<true>::read::<R>(Memory::of(record)).unwrap(), record);
}

#[test]
fn every_shape_comes_back() {
    sample::sessions_of_every_shape().iter().for_each(comes_back);
    sample::tasks_of_every_shape(&sample::session(1)).iter().for_each(comes_back);
    let mut machine = sample::machine("m1");
    machine.docker_slots = vec![Slot(3), Slot(0), Slot(65535)].try_into().unwrap();
    machine.metadata = sample::awkward_metadata();
    comes_back(&machine);
    comes_back(&sample::key(1));
    comes_back(&ApiKey {
        role: Role::Admin,
        project_id: Some(sample::text("p")),
        expires_at: Some(sample::noon_plus(5)),
        revoked_at: Some(sample::noon_plus(3)),
        replaced_by: Some(KeyId(sample::uuid(9))),
        ..sample::key(2)
    });
    comes_back(&StoredResponse {
        key: IdempotencyKey([3; 32]),
        request: [200; 32],
        answer: Box::new([0, 159, 146, 150]),
        at: sample::NOON,
        until: sample::noon_plus(1),
    });
}

#[test]
fn every_event_comes_back() {
    let id = SessionId(sample::uuid(1));
    let actor = |key, address: Option<&str>| Actor {
        key,
        address: address.map(|address| address.parse().unwrap()),
        request: sample::uuid(6),
    };
    for subject in [
        Subject::Session(id),
        Subject::Task(TaskId(sample::uuid(2)), id),
        Subject::Machine(sample::machine_id("m")),
        Subject::Key(KeyId(sample::uuid(3))),
        Subject::Service,
    ] {
        for by in [None, Some(actor(None, None)), Some(actor(Some(KeyId(sample::uuid(5))), Some("2001:db8::7")))] {
            let event = Event::new(sample::NOON, EventKind::SessionDeleted, subject.clone()).with("why", "it's so");
            comes_back(&Event { by, ..event });
        }
    }
}

fn session_fault(field: &'static Field, value: Value, status: SessionStatus) -> String {
    let shapes = sample::sessions_of_every_shape();
    let shape = shapes.iter().find(|shape| shape.status() == status).unwrap();
    Reader::<false>::read::<Session>(Memory::of(shape).with(field, value)).unwrap_err().to_string()
}

#[test]
fn what_makes_no_sense_is_named() {
    use fields::session::{ATTEMPT, COMPLETED_AT, DOCKER_SLOT, ERROR_MESSAGE, PROJECT_ID, RECOVERED_INTO, STATUS};
    let active = SessionStatus::Active;
    assert_eq!(session_fault(&PROJECT_ID, json!(""), active), "project_id must not be empty or blank");
    assert_eq!(session_fault(&DOCKER_SLOT, json!(70_000), active), "docker_slot cannot be 70000");
    assert_eq!(session_fault(&ATTEMPT, json!(-1), active), "attempt cannot be -1");
    assert!(session_fault(&STATUS, json!("asleep"), active).starts_with("status must be one of active,"));
    assert_eq!(session_fault(&STATUS, json!("completed"), active), "completed_at is missing");
    assert_eq!(session_fault(&COMPLETED_AT, Value::Null, SessionStatus::Failed), "completed_at is missing");
    assert_eq!(session_fault(&ERROR_MESSAGE, Value::Null, SessionStatus::Failed), "error_message is missing");
    let into = json!(sample::uuid(1).to_string());
    assert_eq!(session_fault(&RECOVERED_INTO, into, SessionStatus::Completed), "recovered_at is missing");
}

#[test]
fn a_record_of_another_program_is_read_where_the_store_takes_it() {
    use fields::{session, task};
    let failed = sample::sessions_of_every_shape().into_iter().find(|shape| shape.status() == SessionStatus::Failed);
    let record = Memory::of(&failed.unwrap());
    let record = record.with(&session::LINEAGE_ID, Value::Null).with(&session::ATTEMPT, Value::Null);
    let record = record.with(&session::ERROR_MESSAGE, Value::Null);
    assert!(Reader::<false>::read::<Session>(record.clone()).is_err());
    let read: Session = Reader::<true>::read(record).unwrap();
    assert_eq!((read.lineage.id, read.lineage.attempt), (read.id, 1));
    assert_eq!(read.error_message().unwrap().as_str(), "no reason was recorded");

    let tasks = sample::tasks_of_every_shape(&sample::session(1));
    let begun = tasks.into_iter().find(|shape| shape.status() == TaskStatus::InProgress).unwrap();
    let record = Memory::of(&begun).with(&task::STARTED_AT, Value::Null);
    assert!(Reader::<false>::read::<Task>(record.clone()).is_err());
    assert_eq!(Reader::<true>::read::<Task>(record).unwrap().started_at(), Some(begun.updated_at));
}

#[test]
fn an_event_happened_to_one_at_most_and_an_actor_asked_for_it() {
    use fields::event::{BY_KEY, MACHINE_ID};
    let record = || Memory::of(&Event::new(sample::NOON, EventKind::KeyCreated, Subject::Key(KeyId(sample::uuid(3)))));
    let read = |record| Reader::<false>::read::<Event>(record).unwrap_err().to_string();
    assert_eq!(read(record().with(&MACHINE_ID, json!("m"))), "it happened to two at once");
    assert_eq!(read(record().with(&BY_KEY, json!(sample::uuid(1).to_string()))), "by_request is missing");
}

#[test]
fn declarations_speak_of_their_own_fields() {
    for declaration in ALL {
        let own = |field: &'static Field| declaration.fields.iter().any(|own| std::ptr::eq(*own, field));
        let conditions = |only: &'static [Condition]| {
            only.iter().all(|condition| match condition {
                Condition::Is(field, _)
                | Condition::IsOneOf(field, _)
                | Condition::Present(field)
                | Condition::Absent(field)
                | Condition::NotNegative(field) => own(field),
            })
        };
        let name = declaration.name;
        assert!(declaration.key.is_none_or(own), "{name}");
        for set in declaration.unique {
            assert!(set.fields.iter().all(|field| own(field)) && conditions(set.only), "{name} {}", set.name);
        }
        for index in declaration.indexes {
            let fields = index.fields.iter().chain(index.covers).chain(&index.by_creation);
            assert!(fields.copied().all(own) && conditions(index.only), "{name} {}", index.name);
        }
        for index in declaration.document_indexes.unwrap_or_default() {
            assert!(index.fields.iter().all(|field| own(field)) && conditions(index.only), "{name} {}", index.name);
            for served in index.serves {
                let declared = declaration.index(served).is_some() || declaration.unique_set(served).is_some();
                assert!(declared || served.is_empty(), "{name} {served}");
            }
        }
    }
}

#[test]
fn every_declared_index_is_served_in_documents() {
    for declaration in ALL {
        let Some(indexes) = declaration.document_indexes.filter(|indexes| !indexes.is_empty()) else { continue };
        let names = declaration.indexes.iter().map(|index| index.name);
        for name in names.chain(declaration.unique.iter().map(|set| set.name)) {
            assert!(indexes.iter().any(|index| index.serves.contains(&name)), "{}: {name}", declaration.name);
        }
    }
}
