//! The commands of a commit: as few as its order allows.

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::domain::session::{Outcome, Session};
use rekindle_core::store::{
    Changes, Expect, Fence, IdempotencyKey, LeaseName, StoredResponse, Version, Versioned, Write,
};
use rekindle_records::Extension;
use rekindle_testkit::sample::{self, NOON, noon_plus};

use super::batch::{COMMAND_BYTES, Expectation, StatementKind};
use super::{Plan, Step};
use crate::kinds::Kinds;
use crate::ordered_ids::OrderedIds;

fn plan(changes: &Changes) -> Plan {
    Plan::of(changes, &OrderedIds::default(), &Kinds::with(Extension::NONE)).unwrap()
}

/// Returns kind, collection, expectation and number of statements of each step.
fn shape(plan: &Plan) -> Vec<(StatementKind, &'static str, Expectation, usize)> {
    let shape = |step: &Step| match step {
        Step::Run(batch) => (batch.kind, batch.collection, batch.expectation, batch.statements.len()),
        Step::PurgeEvents(_) => (StatementKind::Delete, "events", Expectation::Any, 0),
        Step::StampTasks(of) => (StatementKind::Update, "tasks", Expectation::Any, of.len()),
    };
    plan.steps.iter().map(shape).collect()
}

fn created(n: u64) -> Event {
    Event::new(NOON, EventKind::SessionCreated, Subject::Session(sample::session(n).id))
}

#[test]
fn one_statement_needs_no_transaction() {
    let mut put = Changes::default();
    put.insert(sample::session(1));
    assert!(plan(&put).single().is_some());
    let touch = Changes { writes: vec![Write::touch::<Session>(sample::session(1).id, 1)], ..Changes::default() };
    assert!(plan(&touch).single().is_some());
    put.events.push(created(1));
    assert!(plan(&put).single().is_none());
}

fn answer() -> Option<StoredResponse> {
    let key = IdempotencyKey([1; 32]);
    Some(StoredResponse { key, request: [2; 32], answer: Box::new([3]), at: NOON, until: noon_plus(1) })
}

#[test]
fn stored_response_comes_first_after_the_fence() {
    let mut changes = Changes { stored_response: answer(), ..Changes::default() };
    assert_eq!(plan(&changes).single().unwrap().expectation, Expectation::StoredResponse);
    changes.insert(sample::session(1));
    assert!(plan(&changes).single().is_none());
    let expected = [
        (StatementKind::Update, "answers", Expectation::StoredResponse, 1),
        (StatementKind::Insert, "sessions", Expectation::Each, 1),
    ];
    assert_eq!(shape(&plan(&changes)), expected);
    changes.fence = Some(Fence { lease: LeaseName::Detection, token: 1 });
    let demands: Vec<_> = shape(&plan(&changes)).into_iter().map(|(_, _, expectation, _)| expectation).collect();
    assert_eq!(demands, [Expectation::Fence, Expectation::StoredResponse, Expectation::Each]);
}

#[test]
fn restored_tasks_are_stamped_from_the_database() {
    let version = Version { revision: 3, touches: 1 };
    let mut ended = sample::session(1);
    ended.phase = sample::ended(NOON, Outcome::Completed);
    let task = |n| Write::restore(Versioned { value: sample::task(n, &sample::session(1)), version });
    let writes = vec![Write::restore(Versioned { value: ended, version }), task(2), task(3)];
    let expected = [
        (StatementKind::Insert, "sessions", Expectation::Each, 1),
        (StatementKind::Insert, "tasks", Expectation::Each, 2),
        (StatementKind::Update, "tasks", Expectation::Any, 1),
        (StatementKind::Update, "tasks", Expectation::Any, 1),
    ];
    assert_eq!(shape(&plan(&Changes { writes, ..Changes::default() })), expected);
    let key = Write::restore(Versioned { value: sample::key(1), version });
    assert!(plan(&Changes { writes: vec![key], ..Changes::default() }).single().is_some());
}

#[test]
fn fence_deletion_and_end_need_a_transaction() {
    let fence = Some(Fence { lease: LeaseName::Detection, token: 1 });
    let mut fenced = Changes { fence, ..Changes::default() };
    fenced.insert(sample::session(1));
    assert_eq!(shape(&plan(&fenced))[0], (StatementKind::Update, "leases", Expectation::Fence, 1));
    assert!(plan(&fenced).single().is_none());
    let alone = Changes { fence, ..Changes::default() };
    assert!(plan(&alone).single().is_none());
    let deleted = Write::delete::<Session>(sample::session(1).id, Version::FIRST);
    assert!(plan(&Changes { writes: vec![deleted], ..Changes::default() }).single().is_none());
    let mut ended = sample::session(1);
    ended.phase = sample::ended(NOON, Outcome::Completed);
    let mut changes = Changes::default();
    changes.update(ended, Version::FIRST);
    let expected = [
        (StatementKind::Update, "sessions", Expectation::Each, 1),
        (StatementKind::Update, "tasks", Expectation::Any, 1),
    ];
    assert_eq!(shape(&plan(&changes)), expected);
}

#[test]
fn neighbouring_statements_share_a_command_in_order() {
    let session = sample::session(1);
    let mut changes = Changes::default();
    changes.insert(session.clone());
    changes.insert(sample::session(2));
    changes.insert(sample::task(3, &session));
    changes.insert(sample::task(4, &session));
    changes.update(sample::session(5), Version::FIRST);
    changes.writes.push(Write::touch::<Session>(session.id, 1));
    changes.insert(sample::session(6));
    changes.events = vec![created(1), created(2)];
    let expected = [
        (StatementKind::Insert, "sessions", Expectation::Each, 2),
        (StatementKind::Insert, "tasks", Expectation::Each, 2),
        (StatementKind::Update, "sessions", Expectation::Each, 2),
        (StatementKind::Insert, "sessions", Expectation::Each, 1),
        (StatementKind::Insert, "events", Expectation::Each, 2),
    ];
    assert_eq!(shape(&plan(&changes)), expected);
}

#[test]
fn deleted_sessions_share_their_commands() {
    let delete = |n| Write::delete::<Session>(sample::session(n).id, Version::FIRST);
    let changes = Changes { writes: (1..=50).map(delete).collect(), ..Changes::default() };
    let expected = [
        (StatementKind::Delete, "sessions", Expectation::Each, 50),
        (StatementKind::Delete, "tasks", Expectation::Tasks, 50),
        (StatementKind::Delete, "events", Expectation::Any, 50),
    ];
    assert_eq!(shape(&plan(&changes)), expected);
}

#[test]
fn commands_stay_below_the_servers_limit() {
    let mut changes = Changes::default();
    let text = "x".repeat(60_000);
    for n in 0..500 {
        let mut session = sample::session(n);
        let content = [("k".to_owned(), text.as_str().into())].into_iter().collect();
        session.metadata = rekindle_core::Metadata::new(content).unwrap();
        changes.writes.push(Write::put(session, Expect::Absent));
    }
    let plan = plan(&changes);
    let mut statements = 0;
    for step in &plan.steps {
        let Step::Run(batch) = step else { panic!("nothing is forgotten here") };
        statements += batch.statements.len();
        assert!(batch.bytes <= COMMAND_BYTES);
    }
    assert!(plan.steps.len() > 3);
    assert_eq!(statements, 500);
}
