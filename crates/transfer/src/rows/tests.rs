//! Every shape of every entity, written and read.

use rekindle_core::domain::api_key::SecretHash;
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::values::Slots;
use rekindle_core::{
    Actor, KeyId, MachineStatus, Role, Session, SessionId, Slot, TaskId, Timestamp, Version, Versioned,
};
use rekindle_testkit::sample::{self, NOON, noon_plus, uuid};

use super::{Item, StoredEntity};
use crate::format::Section;

const AT: Version = Version { revision: 7, touches: 3 };

#[track_caller]
fn comes_back(section: Section, item: &Item) {
    let mut line = Vec::new();
    item.write(&mut line).unwrap();
    assert!(!line.contains(&b'\n'), "one row is one line");
    assert_eq!(Item::read(section, &line).as_ref(), Ok(item), "{}", String::from_utf8_lossy(&line));
}

fn row<T>(value: T) -> Versioned<T> {
    Versioned { value, version: AT }
}

fn session(value: Session) -> Item {
    Item::Row(StoredEntity::Session(row(value)))
}

#[test]
fn every_session_is_read_as_it_was_written() {
    let shapes = sample::sessions_of_every_shape();
    for shape in &shapes {
        comes_back(Section::Sessions, &session(shape.clone()));
    }
    let mut far = sample::session(1);
    far.metadata = sample::largest_metadata();
    far.started_at = Timestamp::MIN;
    far.last_heartbeat = Timestamp::from_millis(i64::MAX);
    comes_back(Section::Sessions, &session(far));
}

#[test]
fn every_task_is_read_as_it_was_written() {
    for task in sample::tasks_of_every_shape(&sample::session(1)) {
        comes_back(Section::Tasks, &Item::Row(StoredEntity::Task(row(task))));
    }
}

#[test]
fn every_machine_is_read_as_it_was_written() {
    for status in MachineStatus::ALL {
        let mut machine = sample::machine("m Ü%2F?#;'\"");
        machine.status = status;
        machine.docker_slots = Slots::try_from(vec![Slot(3), Slot(0), Slot(65535)]).unwrap();
        machine.metadata = sample::awkward_metadata();
        comes_back(Section::Machines, &Item::Row(StoredEntity::Machine(row(machine))));
    }
}

#[test]
fn every_key_is_read_as_it_was_written() {
    for role in Role::ALL {
        let mut key = sample::key(1);
        key.role = role;
        key.secret = SecretHash(std::array::from_fn(|n| u8::try_from(n * 8).unwrap()));
        comes_back(Section::Keys, &Item::Row(StoredEntity::Key(row(key.clone()))));
        key.project_id = Some(sample::text("p"));
        (key.expires_at, key.revoked_at) = (Some(noon_plus(1)), Some(noon_plus(2)));
        key.replaced_by = Some(KeyId(uuid(2)));
        comes_back(Section::Keys, &Item::Row(StoredEntity::Key(row(key))));
    }
}

#[test]
fn every_event_is_read_as_it_was_written() {
    let subjects = [
        Subject::Session(SessionId(uuid(1))),
        Subject::Task(TaskId(uuid(2)), SessionId(uuid(1))),
        Subject::Machine(sample::machine_id("m 1")),
        Subject::Key(KeyId(uuid(3))),
        Subject::Service,
    ];
    let actor = |key, address: Option<&str>| Actor {
        key,
        address: address.map(|address| address.parse().unwrap()),
        request: uuid(9),
    };
    let actors = [
        None,
        Some(actor(None, None)),
        Some(actor(Some(KeyId(uuid(3))), Some("10.0.0.7"))),
        Some(actor(None, Some("fe80::1"))),
    ];
    for kind in EventKind::ALL {
        for subject in &subjects {
            for by in &actors {
                let mut event = Event::new(NOON, kind, subject.clone()).with("n", u64::MAX).with("why", "it's \"so\"");
                event.by = by.clone();
                comes_back(Section::Events, &Item::Event(event));
            }
        }
    }
}

#[test]
fn invalid_rows_are_refused_without_their_content_in_the_error() {
    let mut line = Vec::new();
    session(sample::session(1)).write(&mut line).unwrap();
    let line = String::from_utf8(line).unwrap();
    for (from, to) in [
        ("\"revision\":7", "\"revision\":0"),
        ("\"revision\":7", "\"revision\":18446744073709551615"),
        ("\"attempt\":1", "\"attempt\":\"s3cret\""),
        ("\"project_id\":\"p1\"", "\"project_id\":\"\""),
        ("\"metadata\":{}", "\"metadata\":{},\"s3cret\":1"),
        ("\"metadata\":{}", "\"metadata\":[\"s3cret\"]"),
        ("\"active\"", "\"s3cret\""),
    ] {
        let other = line.replacen(from, to, 1);
        assert_ne!(other, line, "{from}");
        let fault = Item::read(Section::Sessions, other.as_bytes()).unwrap_err();
        assert!(!fault.0.contains("s3cret"), "{fault}");
    }
    assert!(Item::read(Section::Tasks, line.as_bytes()).is_err());
}

/// One line of every shape, as the first version of the format wrote them.
const WRITTEN: &str = include_str!("tests/format_1.jsonl");

fn of_every_shape() -> Vec<(Section, Item)> {
    let mut items = Vec::new();
    for mut shape in sample::sessions_of_every_shape() {
        shape.metadata = sample::awkward_metadata();
        items.push((Section::Sessions, session(shape)));
    }
    for task in sample::tasks_of_every_shape(&sample::session(1)) {
        items.push((Section::Tasks, Item::Row(StoredEntity::Task(row(task)))));
    }
    let mut machine = sample::machine("m Ü%2F?#;'\"");
    machine.docker_slots = Slots::try_from(vec![Slot(3), Slot(0), Slot(65535)]).unwrap();
    items.push((Section::Machines, Item::Row(StoredEntity::Machine(row(machine)))));
    let mut key = sample::key(1);
    items.push((Section::Keys, Item::Row(StoredEntity::Key(row(key.clone())))));
    key.project_id = Some(sample::text("p"));
    (key.expires_at, key.revoked_at) = (Some(noon_plus(1)), Some(noon_plus(2)));
    key.replaced_by = Some(KeyId(uuid(2)));
    items.push((Section::Keys, Item::Row(StoredEntity::Key(row(key)))));
    for subject in [
        Subject::Session(SessionId(uuid(1))),
        Subject::Task(TaskId(uuid(2)), SessionId(uuid(1))),
        Subject::Machine(sample::machine_id("m 1")),
        Subject::Key(KeyId(uuid(3))),
        Subject::Service,
    ] {
        let mut event = Event::new(NOON, EventKind::SessionDeleted, subject).with("n", u64::MAX).with("why", "it's so");
        items.push((Section::Events, Item::Event(event.clone())));
        event.by =
            Some(Actor { key: Some(KeyId(uuid(3))), address: Some("fe80::1".parse().unwrap()), request: uuid(9) });
        items.push((Section::Events, Item::Event(event)));
    }
    items
}

#[test]
fn every_line_has_the_bytes_of_the_first_release() {
    let mut written = Vec::new();
    for (_, item) in of_every_shape() {
        item.write(&mut written).unwrap();
        written.push(b'\n');
    }
    assert_eq!(String::from_utf8(written).unwrap(), WRITTEN);
    for ((section, item), line) in of_every_shape().into_iter().zip(WRITTEN.lines()) {
        assert_eq!(Item::read(section, line.as_bytes()), Ok(item), "{line}");
    }
}
