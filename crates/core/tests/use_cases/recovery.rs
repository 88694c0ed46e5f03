//! Recovery happens exactly once and carries over all unfinished tasks, whatever fails meanwhile.

use crate::support::{World, new_session, onto, refused, to};
use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::rules::recovery::{FailedTasks, Recovery};
use rekindle_core::store::{FindTyped, queries};
use rekindle_core::use_cases::{HeartbeatReport, MachinePatch, Recovered, SessionTarget, SlotRelease};
use rekindle_core::{MachineStatus, Rejection, Session, SessionStatus, Slot, TaskStatus, Versioned};
use rekindle_testkit::sample::text;
use rekindle_testkit::{Fault, invariants};
use serde_json::json;

fn successor(answer: Recovered) -> (bool, Versioned<Session>) {
    match answer {
        Recovered::Created(session) => (true, session),
        Recovered::AlreadyRecovered(session) => (false, session),
    }
}

/// Returns a session with one task in every status, named after the status.
async fn session_with_tasks(world: &World) -> Session {
    let session = world.session("p", "m").await.value;
    for (name, target) in [
        ("pending", None),
        ("blocked", Some(TaskTarget::Blocked)),
        ("done", Some(TaskTarget::Completed)),
        ("failed", Some(TaskTarget::Failed(text("red")))),
        ("in progress", Some(TaskTarget::InProgress)),
    ] {
        let id = world.task(&session, name).await.value.id;
        if let Some(target) = target {
            world.advance(1);
            world.move_task(id, target).await;
        }
    }
    session
}

#[tokio::test]
async fn the_successor_gets_the_unfinished_tasks() {
    for (failed_tasks, expected) in [
        (FailedTasks::Reset, vec!["pending", "blocked", "failed", "in progress"]),
        (FailedTasks::Leave, vec!["pending", "blocked", "in progress"]),
    ] {
        let world = World::new();
        let session = session_with_tasks(&world).await;
        world.tracker.sessions().mark_stalled(session.id).await.unwrap();
        let recovery = Recovery { failed_tasks, ..onto("m2") };
        let (is_new, created) = successor(world.tracker.sessions().recover(session.id, &recovery).await.unwrap());
        assert!(is_new);
        let created = created.value;
        assert_eq!((created.project_id, created.machine_id), (text("p"), text("m2")));
        assert_eq!((created.lineage.id, created.lineage.attempt), (session.id, 2));
        let tasks = world.tracker.store().read(queries::tasks_of(created.id, &TaskStatus::ALL)).await.unwrap();
        assert_eq!(tasks.iter().map(|task| task.value.name.as_str()).collect::<Vec<_>>(), expected);
        assert!(
            tasks.iter().all(|task| task.value.status() == TaskStatus::Pending && task.value.copied_from.is_some())
        );

        let original = world.reread(session.id).await.value;
        assert_eq!((original.status(), original.recovered_into()), (SessionStatus::Completed, Some(created.id)));
        let recovery = &original.shown_metadata()["recovery"];
        assert_eq!(recovery["recovered_into"], json!(created.id.to_string()));
        let left = world.tracker.sessions().recovery_state(session.id).await.unwrap();
        assert_eq!(left.tasks_in(TaskStatus::InProgress).count(), 0);
        assert_eq!(left.last_successful_task.unwrap().value.name.as_str(), "done");
        invariants::assert_hold(world.tracker.store().as_ref()).await;
    }
}

#[tokio::test]
async fn repeated_recovery_returns_the_same_successor_in_any_status() {
    let world = World::new();
    let session = session_with_tasks(&world).await;
    world.tracker.sessions().mark_failed(session.id, text("crashed"), None).await.unwrap();
    let (_, first) = successor(world.tracker.sessions().recover(session.id, &onto("m2")).await.unwrap());
    let (is_new, again) = successor(world.tracker.sessions().recover(session.id, &onto("m3")).await.unwrap());
    assert_eq!((is_new, again.value.id), (false, first.value.id));
    world.tracker.sessions().update(first.value.id, &to(SessionTarget::Completed)).await.unwrap();
    let (is_new, again) = successor(world.tracker.sessions().recover(session.id, &onto("m2")).await.unwrap());
    assert_eq!((is_new, again.value.id), (false, first.value.id));
    let original = world.reread(session.id).await.value;
    assert_eq!(original.shown_metadata()["error_message"], json!("crashed"), "the error message is kept");
    world.tracker.sessions().delete(first.value.id, None).await.unwrap();
    assert!(matches!(
        refused(world.tracker.sessions().recover(session.id, &onto("m2")).await),
        Rejection::NotFound { .. }
    ));
}

#[tokio::test]
async fn a_heartbeat_of_a_recovered_session_is_rejected_with_its_successor() {
    let world = World::new();
    let session = world.session("p", "m").await.value;
    world.tracker.sessions().mark_stalled(session.id).await.unwrap();
    let (_, created) = successor(world.tracker.sessions().recover(session.id, &onto("m2")).await.unwrap());
    let refusal = refused(world.tracker.sessions().record_heartbeat(session.id, &HeartbeatReport::default()).await);
    assert!(matches!(refusal, Rejection::SessionEnded { successor: Some(id), .. } if id == created.value.id));
    assert!(refusal.to_string().contains(&created.value.id.to_string()), "{refusal}");
}

#[tokio::test]
async fn only_failed_and_stalled_sessions_can_be_recovered() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    for target in [None, Some(SessionTarget::Paused), Some(SessionTarget::Completed)] {
        if let Some(target) = target {
            world.tracker.sessions().update(id, &to(target)).await.unwrap();
        }
        assert!(matches!(
            refused(world.tracker.sessions().recover(id, &onto("m")).await),
            Rejection::InvalidTransition { .. }
        ));
        let prepared = world.tracker.sessions().prepare_recovery(id, SlotRelease::Hold).await;
        assert!(matches!(refused(prepared), Rejection::InvalidTransition { .. }));
    }
}

#[tokio::test]
async fn recovery_on_the_same_machine_and_slot_needs_the_machine_online() {
    let world = World::new();
    world.machine("m", &[1]).await;
    let new = rekindle_core::use_cases::NewSession { docker_slot: Some(Slot(1)), ..new_session("p", "m") };
    let session = world.tracker.sessions().create(new).await.unwrap().value;
    world.tracker.sessions().mark_stalled(session.id).await.unwrap();
    let same_place = Recovery { docker_slot: Some(Slot(1)), ..onto("m") };
    for status in [MachineStatus::Maintenance, MachineStatus::Offline] {
        let patch = MachinePatch { status: Some(status), ..MachinePatch::default() };
        world.tracker.machines().update(&text("m"), &patch).await.unwrap();
        let refusal = refused(world.tracker.sessions().recover(session.id, &same_place).await);
        assert_eq!(refusal, Rejection::MachineUnavailable { machine: text("m"), status });
    }
    world.tracker.machines().record_heartbeat(&text("m")).await.unwrap();
    let missing = Recovery { docker_slot: Some(Slot(9)), ..onto("m") };
    assert!(matches!(refused(world.tracker.sessions().recover(session.id, &missing).await), Rejection::Invalid { .. }));
    let (is_new, created) = successor(world.tracker.sessions().recover(session.id, &same_place).await.unwrap());
    assert_eq!((is_new, created.value.docker_slot), (true, Some(Slot(1))));
}

#[tokio::test]
async fn another_active_session_on_the_target_machine_is_a_conflict() {
    let world = World::new();
    let stalled = world.session("p", "m").await.value.id;
    world.tracker.sessions().mark_stalled(stalled).await.unwrap();
    let other = world.session("p", "m").await.value.id;
    let refusal = refused(world.tracker.sessions().recover(stalled, &onto("m")).await);
    assert_eq!(refusal, Rejection::SessionConflict { existing: other });
    assert_eq!(world.reread(stalled).await.value.status(), SessionStatus::Stalled);
}

#[tokio::test]
async fn preparation_is_recorded_once_and_can_release_the_slot() {
    let world = World::new();
    let new = rekindle_core::use_cases::NewSession { docker_slot: Some(Slot(1)), ..new_session("p", "m") };
    let id = world.tracker.sessions().create(new).await.unwrap().value.id;
    world.tracker.sessions().mark_failed(id, text("crashed"), None).await.unwrap();
    let first = world.tracker.sessions().prepare_recovery(id, SlotRelease::Hold).await.unwrap();
    assert_eq!(first.value.prepared_at(), Some(world.tracker.now()));
    world.advance(1);
    assert_eq!(world.tracker.sessions().prepare_recovery(id, SlotRelease::Hold).await.unwrap(), first);
    let freed = world.tracker.sessions().prepare_recovery(id, SlotRelease::Release).await.unwrap().value;
    assert_eq!((freed.docker_slot, freed.prepared_at()), (None, first.value.prepared_at()));
}

#[tokio::test]
async fn a_recovery_with_an_unknown_outcome_happens_once() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Stale] {
        let world = World::new();
        let session = session_with_tasks(&world).await;
        world.tracker.sessions().mark_stalled(session.id).await.unwrap();
        world.store.script([Some(fault.clone())]);
        let (is_new, created) = successor(world.tracker.sessions().recover(session.id, &onto("m2")).await.unwrap());
        assert!(is_new, "{fault:?}: this request made the successor");
        let counts = world.tracker.store().read(queries::counts()).await.unwrap();
        assert_eq!((counts.active, counts.total()), (1, 2), "{fault:?}");
        assert_eq!(world.reread(session.id).await.value.recovered_into(), Some(created.value.id));
        invariants::assert_hold(world.tracker.store().as_ref()).await;
    }
}
