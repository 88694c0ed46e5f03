//! What these tests share: a store with every kind of row, and the contents of a store for comparison.

use std::path::Path;
use std::sync::Arc;

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::domain::session::{Lineage, Outcome, Recovered};
use rekindle_core::store::{
    Changes, FindTyped, MachineFilter, Page, PageRequest, SessionCounts, SessionFilter, Start, TaskFilter, Write,
    queries,
};
use rekindle_core::values::Slots;
use rekindle_core::{
    Actor, ApiKey, KeyId, Machine, MachineStatus, RandomIds, Session, SessionId, Slot, Store, SystemClock, Task,
    TaskId, TaskStatus, Version, Versioned,
};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::invariants;
use rekindle_testkit::sample::{self, ended, noon_plus, uuid};
use rekindle_transfer::{Existing, Exported, Exporting, Imported, Stop, TransferError, Verified};

/// The contents of a store.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    pub sessions: Vec<Versioned<Session>>,
    pub tasks: Vec<Versioned<Task>>,
    pub machines: Vec<Versioned<Machine>>,
    pub keys: Vec<Versioned<ApiKey>>,
    pub events: Vec<Event>,
    pub counts: SessionCounts,
    pub first_ones_tasks: Vec<Versioned<Task>>,
}

/// Reads all pages.
async fn all<T>(mut page: impl AsyncFnMut(PageRequest) -> Page<T>) -> Vec<Versioned<T>> {
    let (mut items, mut start) = (Vec::new(), Start::Offset(0));
    loop {
        let read = page(PageRequest { limit: 700, start }).await;
        items.extend(read.items);
        match read.next {
            Some(cursor) => start = Start::After(cursor),
            None => return items,
        }
    }
}

pub(crate) async fn everything(store: &dyn Store) -> Everything {
    let mut events = Vec::new();
    let mut after = None;
    loop {
        let read = store.events(after.as_ref(), 700).await.unwrap();
        let Some(last) = read.last() else { break };
        after = Some(last.position.clone());
        events.extend(read.into_iter().map(|recorded| recorded.event));
    }
    Everything {
        sessions: all(async |page| store.read(queries::sessions(&SessionFilter::default(), page)).await.unwrap()).await,
        tasks: all(async |page| store.read(queries::tasks(&TaskFilter::default(), page)).await.unwrap()).await,
        machines: all(async |page| store.read(queries::machines(&MachineFilter::default(), page)).await.unwrap()).await,
        keys: store.read(queries::keys()).await.unwrap(),
        events,
        counts: store.read(queries::counts()).await.unwrap(),
        first_ones_tasks: store.read(queries::tasks_of(SessionId(uuid(1)), &TaskStatus::ALL)).await.unwrap(),
    }
}

/// Rows of every shape, at different versions, with references between them, that break no rule.
pub(crate) fn every_shape() -> Changes {
    let mut changes = Changes::default();
    let mut version = Version { revision: 1, touches: 0 };
    let mut next = || {
        version = Version { revision: version.revision + 1, touches: version.touches + 2 };
        version
    };
    let mut sessions = sample::sessions_of_every_shape();
    let (mut original, mut successor) = (sample::session(300), sample::session(301));
    let recovered = Recovered { into: successor.id, at: noon_plus(8), prepared_at: None, error_message: None };
    original.phase = ended(noon_plus(8), Outcome::Recovered(recovered));
    successor.project_id = original.project_id.clone();
    successor.lineage = Lineage { id: original.id, attempt: 2, recovered_from: Some(original.id) };
    let done = sample::task(310, &original);
    let mut copy = sample::task(311, &successor);
    copy.copied_from = Some(done.id);
    sessions.extend([original, successor]);
    let mut tasks = sample::tasks_of_every_shape(&sessions[0]);
    tasks.extend([done, copy]);
    for value in &sessions {
        changes.writes.push(Write::restore(Versioned { value: value.clone(), version: next() }));
    }
    for value in tasks {
        changes.writes.push(Write::restore(Versioned { value, version: next() }));
    }
    for (n, status) in MachineStatus::ALL.into_iter().enumerate() {
        let mut value = sample::machine(&format!("m{n} Ü%2F?#;'\""));
        value.status = status;
        value.docker_slots = Slots::try_from(vec![Slot(3), Slot(0), Slot(65535)]).unwrap();
        value.metadata = sample::awkward_metadata();
        changes.writes.push(Write::restore(Versioned { value, version: next() }));
    }
    for n in 400..404 {
        let mut value = sample::key(n);
        value.revoked_at = n.is_multiple_of(2).then(|| noon_plus(4));
        value.replaced_by = n.is_multiple_of(3).then(|| KeyId(uuid(n + 1)));
        changes.writes.push(Write::restore(Versioned { value, version: next() }));
    }
    let session = sessions[0].id;
    let subjects = [
        Subject::Session(session),
        Subject::Task(TaskId(uuid(200)), session),
        Subject::Machine(sample::machine_id("m 1")),
        Subject::Key(KeyId(uuid(400))),
        Subject::Service,
    ];
    for (n, kind) in (0..).zip(EventKind::ALL) {
        // An event of a deletion would contradict that its subject exists.
        for subject in subjects.iter().filter(|_| !matches!(kind, EventKind::SessionDeleted | EventKind::TaskDeleted)) {
            // The times are not in the order of the positions.
            let mut event = Event::new(noon_plus(-n), kind, subject.clone()).with("why", "it's \"so\"");
            let key = (n % 3 == 0).then(|| KeyId(uuid(400)));
            event.by = (n % 2 == 0).then(|| Actor { key, address: Some([10, 0, 0, 7].into()), request: uuid(9) });
            changes.events.push(event);
        }
    }
    let gone = Subject::Session(SessionId(uuid(999)));
    changes.events.push(Event::new(noon_plus(9), EventKind::SessionDeleted, gone));
    changes
}

/// This many ended sessions of one millisecond, each with two tasks and an event; every hundredth has 64 KB of
/// metadata.
pub(crate) fn many(from: u64, sessions: u64) -> Changes {
    let mut changes = Changes::default();
    for n in from..from + sessions {
        let mut session = sample::session(n);
        session.phase = ended(noon_plus(3), Outcome::Completed);
        if n.is_multiple_of(100) {
            session.metadata = sample::largest_metadata();
        }
        for task in [2 * n, 2 * n + 1] {
            changes.insert(sample::task(1_000_000 + task, &session));
        }
        changes.events.push(Event::new(noon_plus(3), EventKind::SessionCompleted, Subject::Session(session.id)));
        changes.insert(session);
    }
    changes
}

/// Fills a store with several pages of each entity, of which some need several batches.
pub(crate) async fn fill(store: &dyn Store) {
    store.commit(every_shape()).await.unwrap();
    store.commit(many(10_000, 600)).await.unwrap();
}

pub(crate) fn sqlite(path: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(SqliteOptions::at(Location::File(path.to_path_buf()))).unwrap())
}

pub(crate) fn exporting(file: &Path) -> Exporting<'_> {
    Exporting { store: "a store", file, existing: Existing::Stays, resume: false }
}

pub(crate) async fn export(store: &dyn Store, what: Exporting<'_>) -> Result<Exported, TransferError> {
    rekindle_transfer::export(store, what, (&SystemClock, &RandomIds), &Stop::default(), &mut |_| {}).await
}

/// Like [`export`], but stopped after this many steps.
pub(crate) async fn export_until(
    store: &dyn Store,
    what: Exporting<'_>,
    steps: u32,
) -> Result<Exported, TransferError> {
    let (stop, mut left) = (Stop::default(), steps);
    let mut tell = |_| {
        left = left.saturating_sub(1);
        if left == 0 {
            stop.stop();
        }
    };
    rekindle_transfer::export(store, what, (&SystemClock, &RandomIds), &stop, &mut tell).await
}

pub(crate) fn verify(file: &Path) -> Result<Verified, TransferError> {
    rekindle_transfer::verify(file, &Stop::default(), &mut |_| {})
}

pub(crate) async fn import(store: &dyn Store, file: &Path) -> Result<Imported, TransferError> {
    rekindle_transfer::import(store, verify(file)?, &SystemClock, &Stop::default(), &mut |_| {}).await
}

/// Like [`import`], but stopped after this many steps.
pub(crate) async fn import_until(store: &dyn Store, file: &Path, steps: u32) -> Result<Imported, TransferError> {
    let (stop, mut left) = (Stop::default(), steps);
    let mut tell = |_| {
        left = left.saturating_sub(1);
        if left == 0 {
            stop.stop();
        }
    };
    rekindle_transfer::import(store, verify(file)?, &SystemClock, &stop, &mut tell).await
}

/// Asserts that a store holds exactly this, and that no rule is broken.
pub(crate) async fn assert_holds(store: &dyn Store, expected: &Everything) {
    let found = everything(store).await;
    for (what, is, was) in [
        ("sessions", found.sessions.len(), expected.sessions.len()),
        ("tasks", found.tasks.len(), expected.tasks.len()),
        ("events", found.events.len(), expected.events.len()),
    ] {
        assert_eq!(is, was, "{what}");
    }
    assert!(found == *expected, "the stores differ");
    invariants::assert_hold(store).await;
}
