//! Every entity is decoded as it was encoded; documents of other programs are decoded; undecodable ones are named.

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::store::{Entity, IdempotencyKey, RowContent, StoreError, StoredResponse, Version, Versioned};
use rekindle_core::{Actor, ApiKey, KeyId, Role, Session, SessionId, SessionStatus, Task, Timestamp};
use rekindle_records::{Record, TypeOf};
use rekindle_testkit::sample::{self, uuid};
use uuid::Uuid;

use super::record::{Parts, entity, record, stored_response};
use super::{bytes, event, mark_id};

const MARK: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

/// Encodes a new record.
fn new<R: Record>(value: &R) -> Document {
    Parts::of_record(value).unwrap().new_document(R::DECLARATION, MARK, Version::FIRST)
}

/// Encodes the update of a record at a version.
fn changes(value: &impl Record, at: Version) -> Document {
    Parts::of_record(value).unwrap().update(at)
}

/// Decodes a record, as a row of any kind and as one of its own.
fn read<R: Record + Entity>(document: &Document) -> Result<Versioned<R>, StoreError> {
    let own = record::<R>(&raw(document));
    match entity(&TypeOf::<R>::new(), &raw(document)) {
        Ok(row) => {
            let RowContent::Entity(value) = row.content else { panic!("an entity") };
            assert_eq!(Versioned { value: value.downcast::<R>().unwrap(), version: row.version }, own.clone().unwrap());
        }
        // The mark may be missing, which only a row needs.
        Err(error) => assert!(own.is_ok() || own == Err(error)),
    }
    own
}

fn first<T>(value: T) -> Versioned<T> {
    Versioned { value, version: Version::FIRST }
}

#[test]
fn every_entity_is_decoded_as_it_was_encoded() {
    for shape in sample::sessions_of_every_shape() {
        assert_eq!(read(&new(&shape)).unwrap(), first(shape));
    }
    for shape in sample::tasks_of_every_shape(&sample::session(1)) {
        assert_eq!(read(&new(&shape)).unwrap(), first(shape));
    }
    let mut shape = sample::machine("m1");
    shape.docker_slots = vec![rekindle_core::Slot(3), rekindle_core::Slot(0)].try_into().unwrap();
    shape.metadata = sample::awkward_metadata();
    assert_eq!(read(&new(&shape)).unwrap(), first(shape));
}

#[test]
fn extreme_times_are_decoded() {
    for millis in [i64::MIN, -1, 0, i64::MAX] {
        let mut shape = sample::session(1);
        shape.last_heartbeat = Timestamp::from_millis(millis);
        assert_eq!(read(&new(&shape)).unwrap(), first(shape));
    }
}

#[test]
fn keys_and_responses_are_decoded() {
    let full = ApiKey {
        role: Role::Admin,
        project_id: Some(sample::text("p")),
        expires_at: Some(sample::noon_plus(5)),
        revoked_at: Some(sample::noon_plus(3)),
        replaced_by: Some(KeyId(uuid(9))),
        ..sample::key(2)
    };
    for (from, to) in [(sample::key(2), full.clone()), (full, sample::key(2))] {
        let document = new(&from);
        assert_eq!(read(&document).unwrap(), first(from.clone()));
        // The project of a key never changes.
        let next = ApiKey { project_id: from.project_id, ..to };
        let found: Versioned<ApiKey> = read(&applied(document, &changes(&next, Version::FIRST))).unwrap();
        assert_eq!(found, Versioned { value: next, version: Version { revision: 2, touches: 0 } });
    }
    let kept = StoredResponse {
        key: IdempotencyKey([3; 32]),
        request: [4; 32],
        answer: Box::new([0, 159, 146, 150]),
        at: sample::NOON,
        until: sample::noon_plus(1),
    };
    let (id, fields) = stored_response(&kept).unwrap();
    let mut document = doc! { "_id": id };
    document.extend(fields);
    assert_eq!(document, new(&kept));
    assert_eq!(read(&document).unwrap(), first(kept));
    document.insert("request", bytes(&[4; 31]));
    let Err(StoreError::Corrupt(text)) = read::<StoredResponse>(&document) else { panic!("{document} was read") };
    assert!(text.contains("request must have 32 bytes, and has 31"), "{text}");
}

/// Documents as earlier versions wrote them, with their fields in another order.
#[test]
fn documents_of_earlier_versions_are_decoded() {
    let at = |millis| DateTime::from_millis(sample::noon_plus(millis).millis());
    let session = doc! {
        "_id": mark_id(MARK), "session_id": uuid(1).to_string(), "project_id": "p1", "machine_id": "m1",
        "started_at": at(0), "created_at": at(0), "lineage_id": uuid(1).to_string(), "attempt": 1_i64,
        "last_heartbeat": at(0), "status": "active", "updated_at": at(0), "docker_slot": 3_i32, "metadata": {},
        "revision": 4_i64, "touches": 2_i64,
    };
    let value = Session { docker_slot: Some(rekindle_core::Slot(3)), ..sample::session(1) };
    let version = Version { revision: 4, touches: 2 };
    assert_eq!(read::<Session>(&session).unwrap(), Versioned { value: value.clone(), version });
    let mut now = Parts::of_record(&value).unwrap().new_document(Session::DECLARATION, MARK, version);
    for (name, stored) in session {
        assert_eq!(now.remove(&name), Some(stored), "{name} is stored as before");
    }
    assert!(now.is_empty(), "and nothing beside it: {now}");

    let key = doc! {
        "_id": uuid(1).to_string(), "created_at": at(0), "name": "key 1", "secret": bytes(&[1; 32]), "role": "worker",
        "mark": mark_id(MARK), "revision": 1_i64, "touches": 0_i64,
    };
    let found = read::<ApiKey>(&key).unwrap().value;
    let mut now = new(&found);
    for (name, stored) in key {
        assert_eq!(now.remove(&name), Some(stored), "{name} is stored as before");
    }
    assert!(now.is_empty(), "and nothing beside it: {now}");
}

#[test]
fn undecodable_hash_is_not_shown() {
    let mut document = new(&sample::key(1));
    document.insert("secret", "the hash");
    let Err(StoreError::Corrupt(text)) = read::<ApiKey>(&document) else { panic!("{document} was read") };
    assert!(text.contains("secret must be generic bytes") && !text.contains("the hash"), "{text}");
}

#[test]
fn events_are_decoded_with_their_position() {
    let id = SessionId(uuid(1));
    let whole_number =
        Actor { key: Some(KeyId(uuid(5))), address: Some("2001:db8::7".parse().unwrap()), request: uuid(6) };
    let unknown = Actor { key: None, address: None, request: uuid(6) };
    for subject in [
        Subject::Session(id),
        Subject::Task(rekindle_core::TaskId(uuid(2)), id),
        Subject::Machine(sample::machine_id("m")),
        Subject::Key(KeyId(uuid(3))),
        Subject::Service,
    ] {
        for by in [None, Some(unknown.clone()), Some(whole_number.clone())] {
            let happened = Event { by, ..Event::new(sample::NOON, EventKind::SessionDeleted, subject.clone()) };
            let happened = happened.with("$why", "it's so");
            let mut document = event::new(&happened, MARK).unwrap();
            assert_eq!(document.contains_key("loose"), happened.deleted_with_session().is_none());
            assert_eq!(document.contains_key("kept_with"), happened.deleted_with_session().is_some());
            assert_eq!(document.keys().any(|name| name.starts_with("by_")), happened.by.is_some());
            event::read(&raw(&document)).unwrap_err();
            document.insert("position", 7_i64);
            let found = event::read(&raw(&document)).unwrap();
            assert_eq!((&*found.position.0, found.event), ("7", happened));
        }
    }
}

#[test]
fn event_without_one_subject_is_corrupt() {
    let service = event::new(&Event::new(sample::NOON, EventKind::AccessRefused, Subject::Service), MARK).unwrap();
    for (field, value) in [("service", Bson::Null), ("machine_id", "m".into()), ("by_key", uuid(1).to_string().into())]
    {
        let mut document = service.clone();
        document.insert("position", 7_i64);
        event::read(&raw(&document)).unwrap();
        document.insert(field, value);
        assert!(matches!(event::read(&raw(&document)), Err(StoreError::Corrupt(_))), "{document}");
    }
}

/// Applies an update as a server does.
fn applied(mut document: Document, update: &Document) -> Document {
    for (name, value) in update.get_document("$set").unwrap() {
        document.insert(name, value);
    }
    for (name, _) in update.get_document("$unset").into_iter().flatten() {
        document.remove(name);
    }
    document
}

#[test]
fn put_leaves_nothing_of_the_previous_state() {
    let shapes = sample::sessions_of_every_shape();
    for from in &shapes {
        for to in &shapes {
            let mut next = from.clone();
            next.phase = to.phase.clone();
            next.metadata = to.metadata.clone();
            next.docker_slot = to.docker_slot;
            let update = changes(&next, Version { revision: 4, touches: 0 });
            let found = read(&applied(new(from), &update)).unwrap();
            assert_eq!(found, Versioned { value: next, version: Version { revision: 5, touches: 0 } });
        }
    }
    let shapes = sample::tasks_of_every_shape(&sample::session(1));
    for from in &shapes {
        for to in &shapes {
            let mut next = from.clone();
            next.state = to.state.clone();
            next.metadata = to.metadata.clone();
            next.github_issue_id = to.github_issue_id.clone();
            let update = changes(&next, Version::FIRST);
            assert_eq!(read::<Task>(&applied(new(from), &update)).unwrap().value, next);
        }
    }
}

fn foreign_session() -> Document {
    let at = DateTime::from_millis(5);
    doc! {
        "_id": ObjectId::from_bytes([1; 12]), "session_id": uuid(1).to_string(), "project_id": "p", "machine_id": "m",
        "docker_slot": 3.0, "last_heartbeat": at, "status": "failed", "current_task_id": null, "started_at": at,
        "completed_at": at, "created_at": at, "updated_at": at,
    }
}

#[test]
fn document_of_another_program_is_decoded() {
    let row = entity(&TypeOf::<Session>::new(), &raw(&foreign_session())).unwrap();
    assert_eq!(mark_id(Uuid::from_u128(row.mark)), Bson::ObjectId(ObjectId::from_bytes([1; 12])));
    let Versioned { value, version } = read::<Session>(&foreign_session()).unwrap();
    assert_eq!((version, value.lineage.id, value.lineage.attempt), (Version::FIRST, value.id, 1));
    assert_eq!((value.status(), value.docker_slot), (SessionStatus::Failed, Some(rekindle_core::Slot(3))));
    assert_eq!(value.error_message().unwrap().as_str(), "no reason was recorded");
}

#[test]
fn corrupt_field_is_named() {
    let id = uuid(1).to_string();
    for (field, value, words) in [
        ("session_id", Bson::from("x"), "session_id"),
        ("status", Bson::from("asleep"), "status must be one of"),
        ("project_id", Bson::from(""), "project_id must not be empty"),
        ("last_heartbeat", Bson::from("now"), "last_heartbeat must be a date"),
        ("completed_at", Bson::Null, "completed_at is missing"),
        ("docker_slot", Bson::from(70_000), "docker_slot cannot be 70000"),
        ("docker_slot", Bson::from(1.5), "docker_slot must be a whole number"),
        ("revision", Bson::from(-1), "revision cannot be -1"),
        ("_id", Bson::from("mine"), "_id must be"),
        ("metadata", Bson::from(1), "metadata is no object"),
    ] {
        let mut document = foreign_session();
        document.insert(field, value);
        let read = entity(&TypeOf::<Session>::new(), &raw(&document));
        let Err(StoreError::Corrupt(text)) = read else { panic!("{document} was read") };
        assert!(text.contains(words) && text.contains("collection sessions"), "{text}");
        assert!(field == "session_id" || text.contains(&id), "{text}");
    }
}

#[test]
fn entities_without_their_fields_are_corrupt() {
    for kind in rekindle_records::TYPES {
        let read = entity(*kind, &raw(&Document::new()));
        assert!(matches!(read, Err(StoreError::Corrupt(_))), "{}", kind.declaration().name);
    }
    assert!(matches!(event::read(&raw(&Document::new())), Err(StoreError::Corrupt(_))));
}
