//! The use cases of tasks, and their effect on the session.

use crate::support::{World, patch, refused, to};
use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::use_cases::{NewTask, SessionTarget, TaskPatch};
use rekindle_core::{Metadata, Rejection, SessionId, TaskLabel, TaskStatus};
use rekindle_testkit::sample::{text, uuid};

#[tokio::test]
async fn a_task_needs_a_live_session_of_its_project() {
    let world = World::new();
    let session = world.session("p", "m").await.value;
    let new = |session_id: SessionId, project: &str| NewTask {
        session_id,
        project_id: text(project),
        github_issue_id: None,
        name: text("work"),
        metadata: Metadata::default(),
    };
    let unknown = refused(world.tracker.tasks().create(new(SessionId(uuid(99)), "p")).await);
    assert!(matches!(unknown, Rejection::Invalid { field: "session_id", .. }));
    let other = refused(world.tracker.tasks().create(new(session.id, "q")).await);
    assert!(matches!(other, Rejection::Invalid { field: "project_id", .. }));
    world.tracker.sessions().update(session.id, &to(SessionTarget::Completed)).await.unwrap();
    assert!(matches!(
        refused(world.tracker.tasks().create(new(session.id, "p")).await),
        Rejection::SessionEnded { .. }
    ));
}

#[tokio::test]
async fn a_task_in_progress_is_the_current_task_until_it_leaves_that_status() {
    let world = World::new();
    let session = world.session("p", "m").await.value;
    let (one, two) = (world.task(&session, "one").await.value.id, world.task(&session, "two").await.value.id);
    let current = async || world.reread(session.id).await.value.current_task().cloned();
    world.move_task(one, TaskTarget::InProgress).await;
    assert_eq!(current().await, Some(TaskLabel::of_task(one)));
    world.move_task(two, TaskTarget::InProgress).await;
    assert_eq!(current().await, Some(TaskLabel::of_task(two)));
    world.move_task(one, TaskTarget::Completed).await;
    assert_eq!(current().await, Some(TaskLabel::of_task(two)), "the other one goes on");
    world.move_task(two, TaskTarget::Blocked).await;
    assert_eq!(current().await, None);
    world.move_task(two, TaskTarget::InProgress).await;
    world.tracker.tasks().delete(two, None).await.unwrap();
    assert_eq!(current().await, None);
}

#[tokio::test]
async fn start_and_completion_times_follow_the_status() {
    let world = World::new();
    let session = world.session("p", "m").await.value;
    let id = world.task(&session, "work").await.value.id;
    world.advance(1);
    let started = world.move_task(id, TaskTarget::InProgress).await.value.started_at().unwrap();
    world.advance(1);
    assert_eq!(world.move_task(id, TaskTarget::Blocked).await.value.started_at(), Some(started));
    world.advance(1);
    assert_eq!(world.move_task(id, TaskTarget::InProgress).await.value.started_at(), Some(started));
    let failed = world.move_task(id, TaskTarget::Failed(text("red"))).await.value;
    assert_eq!((failed.completed_at(), failed.started_at()), (Some(world.tracker.now()), Some(started)));
    let blocked = world.move_task(id, TaskTarget::Blocked).await.value;
    assert_eq!((blocked.completed_at(), blocked.error_message()), (None, None));
    let pending = world.move_task(id, TaskTarget::Pending).await.value;
    assert_eq!((pending.status(), pending.started_at()), (TaskStatus::Pending, None));
    let done = world.move_task(id, TaskTarget::Completed).await.value;
    assert_eq!((done.started_at(), done.completed_at()), (None, Some(world.tracker.now())));
}

#[tokio::test]
async fn a_repeated_status_changes_nothing_and_an_illegal_step_names_both_statuses() {
    let world = World::new();
    let session = world.session("p", "m").await.value;
    let id = world.task(&session, "work").await.value.id;
    let done = world.move_task(id, TaskTarget::Completed).await;
    world.advance(1);
    assert_eq!(world.move_task(id, TaskTarget::Completed).await, done);
    let back = TaskPatch { status: Some(TaskTarget::InProgress), ..TaskPatch::default() };
    let refusal = refused(world.tracker.tasks().update(id, &back).await).to_string();
    assert!(refusal.contains("is completed") && refusal.contains("become in_progress"), "{refusal}");
}

#[tokio::test]
async fn a_task_of_an_ended_session_rejects_every_write() {
    let world = World::new();
    let session = world.session("p", "m").await.value;
    let id = world.task(&session, "work").await.value.id;
    for resting in [SessionTarget::Paused, SessionTarget::Stalled] {
        world.tracker.sessions().update(session.id, &to(resting)).await.unwrap();
        let note = TaskPatch { metadata: patch(serde_json::json!({"n": 1})), ..TaskPatch::default() };
        world.tracker.tasks().update(id, &note).await.unwrap();
    }
    world.tracker.sessions().mark_failed(session.id, text("gone"), None).await.unwrap();
    let patches = [TaskPatch::default(), TaskPatch { status: Some(TaskTarget::Completed), ..TaskPatch::default() }];
    for patch in patches {
        let refusal = refused(world.tracker.tasks().update(id, &patch).await);
        assert!(matches!(refusal, Rejection::SessionEnded { .. }), "{refusal}");
    }
    assert!(matches!(refused(world.tracker.tasks().delete(id, None).await), Rejection::SessionEnded { .. }));
}
