//! The check finds and names each violation, and reports nothing about a sound store.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's way to report")]

use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::domain::session::{Lineage, Outcome, Recovered};
use rekindle_core::domain::task::TaskState;
use rekindle_core::rules::recovery::INTERRUPTED;
use rekindle_core::store::{Changes, Entity};
use rekindle_core::{Session, SessionId, Store, Task, TaskId};
use rekindle_integrity::{CheckEvent, Finding, IntegrityReport, Part, Rule, Severity, check};
use rekindle_testkit::MemoryStore;
use rekindle_testkit::sample::{NOON, ended, machine, noon_plus, session, task, text, uuid};

/// Returns a store that holds these entities, whatever rules they break.
async fn holding<T>(entities: impl IntoIterator<Item = T>) -> MemoryStore
where
    T: Entity,
{
    let store = MemoryStore::new();
    add(&store, entities).await;
    store
}

async fn add<T>(store: &MemoryStore, entities: impl IntoIterator<Item = T>)
where
    T: Entity,
{
    let mut changes = Changes::default();
    entities.into_iter().for_each(|entity| changes.insert(entity));
    store.commit(changes).await.unwrap();
}

async fn happened(store: &MemoryStore, events: impl IntoIterator<Item = Event>) {
    let events = events.into_iter().collect();
    store.commit(Changes { events, ..Changes::default() }).await.unwrap();
}

async fn findings(store: &dyn Store) -> (Vec<Finding>, IntegrityReport) {
    let mut found = Vec::new();
    let mut hear = |news| {
        if let CheckEvent::Found(finding) = news {
            found.push(finding);
        }
    };
    let checked = check(store, &mut hear).await.unwrap();
    let broken = found.iter().filter(|finding| finding.rule.weight() == Severity::Broken).count();
    assert_eq!((checked.broken, checked.noted), (broken as u64, (found.len() - broken) as u64));
    (found, checked)
}

async fn rules(store: &dyn Store) -> Vec<Rule> {
    findings(store).await.0.into_iter().map(|finding| finding.rule).collect()
}

/// Returns a session and its successor, as a recovery leaves them.
fn recovered() -> (Session, Session) {
    let (mut original, mut successor) = (session(1), session(2));
    let recovered = Recovered { into: successor.id, at: NOON, prepared_at: None, error_message: None };
    original.phase = ended(NOON, Outcome::Recovered(recovered));
    successor.lineage = Lineage { id: original.id, attempt: 2, recovered_from: Some(original.id) };
    successor.project_id = original.project_id.clone();
    successor.machine_id = text("m2");
    (original, successor)
}

fn copy(n: u64, of: &Task, session: &Session) -> Task {
    Task { copied_from: Some(of.id), ..task(n, session) }
}

#[tokio::test]
async fn a_sound_store_has_no_findings_and_is_read_completely() {
    let (original, successor) = recovered();
    let store = holding([original.clone(), successor.clone()]).await;
    let left = task(10, &original);
    add(&store, [left.clone(), copy(11, &left, &successor), task(12, &successor)]).await;
    add(&store, (0..1200).map(|n| machine(&format!("m{n}")))).await;
    let begun = |id: SessionId| Event::new(NOON, EventKind::SessionCreated, Subject::Session(id));
    let gone = Event::new(NOON, EventKind::SessionDeleted, Subject::Session(SessionId(uuid(99))));
    let far = Event::new(NOON, EventKind::MachineDeleted, Subject::Machine(text("gone")));
    happened(&store, [begun(original.id), begun(successor.id), gone, far]).await;
    let mut parts = Vec::new();
    let mut hear = |news| match news {
        CheckEvent::Progress(progress) => parts.push((progress.part, progress.done)),
        CheckEvent::Found(finding) => panic!("{finding:?}"),
    };
    let checked = check(&store, &mut hear).await.unwrap();
    assert!(checked.is_clean());
    assert_eq!((checked.sessions, checked.tasks, checked.machines, checked.events), (2, 3, 1200, 4));
    assert!(parts.contains(&(Part::Machines, 500)) && parts.contains(&(Part::Events, 4)), "{parts:?}");
}

#[tokio::test]
async fn a_task_without_its_session_or_of_another_project_is_reported() {
    let store = holding([session(1)]).await;
    let mut stray = task(11, &session(1));
    stray.project_id = text("another");
    add(&store, [task(10, &session(7)), stray]).await;
    let (found, checked) = findings(&store).await;
    assert!(!checked.is_clean());
    let of = |rule| found.iter().find(|finding| finding.rule == rule).unwrap();
    let lost = of(Rule::TaskHasSession);
    assert_eq!(lost.ids, [uuid(10).to_string(), uuid(7).to_string()]);
    assert!(lost.what.contains("which is gone"), "{}", lost.what);
    assert!(of(Rule::TaskProject).what.contains("another"));
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn a_task_in_progress_in_an_ended_session_is_reported() {
    let mut over = session(1);
    over.phase = ended(NOON, Outcome::Completed);
    let store = holding([over.clone()]).await;
    add(&store, [Task { state: TaskState::InProgress { started_at: NOON }, ..task(10, &over) }, task(11, &over)]).await;
    assert_eq!(rules(&store).await, [Rule::Ended]);
}

#[tokio::test]
async fn a_broken_lineage_is_reported_from_both_sides() {
    let (original, successor) = recovered();
    let with_lineage = |lineage| Session { lineage, ..successor.clone() };
    let right = successor.lineage;
    let lineages = [
        Lineage { attempt: 3, ..right },
        Lineage { id: successor.id, ..right },
        Lineage { id: successor.id, attempt: 1, recovered_from: None },
    ];
    for lineage in lineages {
        let store = holding([original.clone(), with_lineage(lineage)]).await;
        let found = rules(&store).await;
        assert!(!found.is_empty() && found.iter().all(|rule| *rule == Rule::Lineage), "{lineage:?}: {found:?}");
    }
    // The original does not name its successor.
    let store = holding([session(1), successor.clone()]).await;
    assert_eq!(rules(&store).await, [Rule::Lineage]);
    // If one of the two was deleted, the other is sound.
    assert_eq!(rules(&holding([original]).await).await, []);
    assert_eq!(rules(&holding([successor]).await).await, []);
}

#[tokio::test]
async fn an_unfinished_task_without_a_copy_is_reported_unless_the_copy_was_deleted() {
    let (original, successor) = recovered();
    let interrupted = |why: &str| TaskState::Failed { started_at: None, at: NOON, error_message: text(why) };
    let left = [
        task(10, &original),
        Task { state: TaskState::Blocked { started_at: None }, ..task(11, &original) },
        Task { state: interrupted(INTERRUPTED), ..task(12, &original) },
        Task { state: interrupted("on its own"), ..task(13, &original) },
        Task { state: TaskState::Completed { started_at: None, at: NOON }, ..task(14, &original) },
    ];
    let store = holding([original.clone(), successor.clone()]).await;
    add(&store, left.clone()).await;
    add(&store, [copy(20, &left[0], &successor)]).await;
    let (found, _) = findings(&store).await;
    let named: Vec<_> = found.iter().map(|finding| (finding.rule, finding.ids[0].clone())).collect();
    let expected = |n: u64| (Rule::NothingLeftBehind, uuid(n).to_string());
    assert_eq!(named, [expected(11), expected(12)]);
    // Both had copies, which were deleted later.
    let copied = |n: u64, of: u64| {
        Event::new(NOON, EventKind::TaskCreated, Subject::Task(TaskId(uuid(n)), successor.id))
            .with("copied_from", uuid(of).to_string())
    };
    happened(&store, [copied(21, 11), copied(22, 12)]).await;
    assert_eq!(rules(&store).await, []);
}

#[tokio::test]
async fn a_copy_of_a_task_that_is_not_of_the_predecessor_is_reported() {
    let (original, successor) = recovered();
    let stranger = session(3);
    let store = holding([original.clone(), successor.clone(), stranger.clone()]).await;
    let theirs = task(10, &stranger);
    add(&store, [theirs.clone(), copy(20, &theirs, &successor)]).await;
    // A copy whose origin was deleted is not reported.
    add(&store, [Task { copied_from: Some(TaskId(uuid(99))), ..task(21, &successor) }]).await;
    let (found, _) = findings(&store).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].rule, &found[0].ids[0]), (Rule::Copied, &uuid(20).to_string()));
}

#[tokio::test]
async fn a_time_before_the_start_breaks_a_rule_and_a_clock_set_back_does_not() {
    let mut heard = session(1);
    heard.last_heartbeat = noon_plus(-1);
    let mut changed = machine("m");
    changed.updated_at = noon_plus(-1);
    let mut over = session(2);
    over.phase = ended(noon_plus(-5), Outcome::Completed);
    let store = holding([heard, over.clone()]).await;
    add(&store, [changed]).await;
    let begun = TaskState::Completed { started_at: Some(noon_plus(-1)), at: NOON };
    add(&store, [Task { state: begun, ..task(10, &over) }]).await;
    let (found, checked) = findings(&store).await;
    let of = |rule| found.iter().filter(|finding| finding.rule == rule).count();
    assert_eq!((of(Rule::Times), of(Rule::Clock), found.len()), (2, 2, 4), "{found:?}");
    assert_eq!((checked.broken, checked.noted), (2, 2));
}

#[tokio::test]
async fn events_of_missing_subjects_and_of_undeleted_ones_are_reported() {
    let store = holding([session(1), session(2)]).await;
    add(&store, [task(10, &session(1))]).await;
    let event = |kind, subject| Event::new(NOON, kind, subject);
    happened(
        &store,
        [
            event(EventKind::SessionCreated, Subject::Session(SessionId(uuid(1)))),
            event(EventKind::SessionPaused, Subject::Session(SessionId(uuid(7)))),
            event(EventKind::TaskCreated, Subject::Task(TaskId(uuid(70)), SessionId(uuid(7)))),
            event(EventKind::SessionDeleted, Subject::Session(SessionId(uuid(2)))),
            event(EventKind::TaskDeleted, Subject::Task(TaskId(uuid(10)), SessionId(uuid(1)))),
            event(EventKind::SessionDeleted, Subject::Session(SessionId(uuid(7)))),
        ],
    )
    .await;
    let (found, _) = findings(&store).await;
    assert!(found.iter().all(|finding| finding.rule == Rule::EventSubject));
    let ids: Vec<_> = found.iter().map(|finding| finding.ids[0].clone()).collect();
    assert_eq!(ids, [7, 7, 2, 10].map(|n| uuid(n).to_string()));
}

#[test]
fn every_rule_has_a_unique_name_and_a_meaning() {
    let names: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    assert!(Rule::ALL.iter().all(|rule| rule.meaning().len() > 20));
}

#[tokio::test]
async fn a_check_can_be_spawned_as_a_task() {
    let store = std::sync::Arc::new(holding([session(1)]).await);
    let checked = tokio::spawn(async move { check(store.as_ref(), &mut |_| {}).await });
    assert_eq!(checked.await.unwrap().unwrap().sessions, 1);
}
