//! Unknown outcomes and contention: a write is repeated, happens once, and is given up with the right error.

use crate::support::{World, new_machine, new_session, patch, to};
use rekindle_core::store::{FindTyped, queries};
use rekindle_core::use_cases::{Registered, SessionTarget};
use rekindle_core::{Error, StoreError};
use rekindle_testkit::sample::text;
use rekindle_testkit::{Fault, invariants};

const LOST: [Fault; 2] = [Fault::LostBefore, Fault::LostAfter];

#[tokio::test]
async fn a_creation_with_an_unknown_outcome_makes_one_session() {
    for fault in LOST {
        let world = World::new();
        world.store.script([Some(fault.clone())]);
        let made = world.session("p", "m").await;
        assert_eq!(world.tracker.store().read(queries::counts()).await.unwrap().total(), 1, "{fault:?}");
        assert_eq!(world.reread(made.value.id).await, made);
    }
}

#[tokio::test]
async fn a_change_with_an_unknown_outcome_happens_once() {
    for fault in LOST {
        let world = World::new();
        let id = world.session("p", "m").await.value.id;
        let mut change = to(SessionTarget::Failed(text("crashed")));
        change.metadata = patch(serde_json::json!({"n": 1}));
        change.if_match = Some(rekindle_core::use_cases::IfMatch::Revisions(vec![1]));
        world.store.script([Some(fault.clone())]);
        let changed = world.tracker.sessions().update(id, &change).await.unwrap();
        assert_eq!(changed.version.revision, 2, "{fault:?}");
        world.store.script([Some(fault.clone())]);
        world.tracker.sessions().delete(id, None).await.unwrap();
        assert!(world.tracker.sessions().get(id).await.is_err());
    }
}

#[tokio::test]
async fn tasks_and_machines_with_unknown_outcomes_are_created_once() {
    for fault in LOST {
        let world = World::new();
        let session = world.session("p", "m").await.value;
        world.store.script([Some(fault.clone())]);
        let task = world.task(&session, "work").await.value;
        world.store.script([Some(fault.clone())]);
        world.tracker.tasks().delete(task.id, None).await.unwrap();
        world.store.script([Some(fault.clone())]);
        world.tracker.machines().create(Some(text("m1")), new_machine(&[1])).await.unwrap();
        world.store.script([Some(fault.clone())]);
        let put = world.tracker.machines().put(text("m1"), new_machine(&[2]), None).await.unwrap();
        assert!(matches!(put, Registered::Replaced(view) if view.machine.version.revision == 2), "{fault:?}");
        invariants::assert_hold(world.tracker.store().as_ref()).await;
    }
}

#[tokio::test]
async fn gives_up_with_unknown_after_max_retries() {
    let world = World::new();
    world.store.script(vec![Some(Fault::LostBefore); 5]);
    let answer = world.tracker.sessions().create(new_session("p", "m")).await;
    assert!(matches!(answer, Err(Error::Store(StoreError::Unknown(_)))), "{answer:?}");
}

#[tokio::test]
async fn a_failure_that_wrote_nothing_is_not_retried() {
    let world = World::new();
    world.store.script([Some(Fault::Refused)]);
    let answer = world.tracker.sessions().create(new_session("p", "m")).await;
    assert!(matches!(answer, Err(Error::Store(StoreError::Unavailable(_)))), "{answer:?}");
    world.session("p", "m").await;
}

#[tokio::test]
async fn gives_up_with_contended_after_max_attempts() {
    let world = World::new();
    world.store.script(vec![Some(Fault::Stale); 1000]);
    let answer = world.tracker.sessions().create(new_session("p", "m")).await;
    assert!(matches!(answer, Err(Error::Contended)), "{answer:?}");
}

#[tokio::test]
async fn a_retry_still_checks_the_revision_of_if_match() {
    let world = World::new();
    let made = world.session("p", "m").await;
    let mut theirs = made.value.clone();
    theirs.metadata = rekindle_testkit::sample::metadata(serde_json::json!({"theirs": true}));
    let mut changes = rekindle_core::store::Changes::default();
    changes.update(theirs, made.version);
    world.store.script([Some(Fault::Overtaken(Box::new(changes)))]);
    let mut change = to(SessionTarget::Paused);
    change.if_match = Some(rekindle_core::use_cases::IfMatch::Revisions(vec![1]));
    let answer = world.tracker.sessions().update(made.value.id, &change).await;
    assert_eq!(crate::support::refused(answer), rekindle_core::Rejection::RevisionMismatch { current: 2 });
    assert_eq!(world.reread(made.value.id).await.value.shown_metadata()["theirs"], true);
}

#[tokio::test]
async fn an_end_with_an_unknown_outcome_happens_once_with_the_rest_of_the_patch() {
    for fault in LOST {
        let world = World::new();
        let id = world.session("p", "m").await.value.id;
        let mut change = to(SessionTarget::Completed);
        change.current_task = rekindle_core::FieldUpdate::Clear;
        world.store.script([Some(fault)]);
        let ended = world.tracker.sessions().update(id, &change).await.unwrap();
        assert_eq!(ended.version.revision, 2);
    }
}

#[tokio::test]
async fn an_unavailable_store_after_an_unknown_outcome_leaves_it_unknown() {
    let world = World::new();
    world.store.script([Some(Fault::LostAndDown)]);
    // Before a second attempt, the use case reads whether the first one was written.
    let answer = world.tracker.machines().create(Some(text("m1")), new_machine(&[1])).await;
    assert!(matches!(answer, Err(Error::Store(StoreError::Unknown(_)))), "{answer:?}");

    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.store.script([Some(Fault::LostAndDown)]);
    let answer = world.tracker.sessions().delete(id, None).await;
    assert!(matches!(answer, Err(Error::Store(StoreError::Unknown(_)))), "{answer:?}");
}

#[tokio::test]
async fn an_unavailable_store_after_a_commit_does_not_hide_its_success() {
    let world = World::new();
    world.store.script([Some(Fault::DoneAndDown)]);
    // Nothing is read after the commit: the result is what was written.
    let created = world.tracker.machines().create(Some(text("m1")), new_machine(&[1])).await.unwrap();
    assert_eq!(created.machine.version.revision, 1);
}
