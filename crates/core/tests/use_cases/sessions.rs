//! The use cases of sessions: creation, heartbeats, changes, end.

use crate::support::{World, new_session, patch, refused, to};
use rekindle_core::domain::session::LiveState;
use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::use_cases::{HeartbeatReport, IfMatch, SessionPatch, SessionTarget};
use rekindle_core::{FieldUpdate, MachineStatus, Rejection, SessionStatus, Slot, TaskStatus, Version};
use rekindle_testkit::sample::text;
use serde_json::json;

#[tokio::test]
async fn a_new_session_is_active_and_the_first_of_its_lineage() {
    let world = World::new();
    let made = world.session("p", "m").await;
    assert_eq!(made.version, Version::FIRST);
    assert_eq!(made.value.status(), SessionStatus::Active);
    assert_eq!((made.value.lineage.id, made.value.lineage.attempt), (made.value.id, 1));
    assert_eq!(world.reread(made.value.id).await, made);
}

#[tokio::test]
async fn a_second_active_session_of_a_project_on_a_machine_is_a_conflict() {
    let world = World::new();
    let first = world.session("p", "m").await.value.id;
    let refusal = refused(world.tracker.sessions().create(new_session("p", "m")).await);
    assert_eq!(refusal, Rejection::SessionConflict { existing: first });
    world.tracker.sessions().update(first, &to(SessionTarget::Paused)).await.unwrap();
    world.session("p", "m").await;
    // Now the paused one cannot become active.
    let refusal = refused(world.tracker.sessions().update(first, &to(SessionTarget::Active)).await);
    assert!(matches!(refusal, Rejection::SessionConflict { .. }));
}

#[tokio::test]
async fn a_session_on_a_registered_machine_needs_a_free_slot_and_no_maintenance() {
    let world = World::new();
    world.machine("m", &[1, 2]).await;
    let with_slot =
        |slot| rekindle_core::use_cases::NewSession { docker_slot: Some(Slot(slot)), ..new_session("p", "m") };
    let refusal = refused(world.tracker.sessions().create(with_slot(3)).await);
    assert_eq!(refusal.to_string(), "docker_slot must be a slot of machine m, which has 1, 2");
    let first = world.tracker.sessions().create(with_slot(1)).await.unwrap();
    let other = rekindle_core::use_cases::NewSession { project_id: text("q"), ..with_slot(1) };
    let refusal = refused(world.tracker.sessions().create(other).await);
    let expected = Rejection::SlotConflict { machine: text("m"), slot: Slot(1), existing: first.value.id };
    assert_eq!(refusal, expected);
    for (status, taken) in [(MachineStatus::Offline, true), (MachineStatus::Maintenance, false)] {
        let patch = rekindle_core::use_cases::MachinePatch { status: Some(status), ..Default::default() };
        world.tracker.machines().update(&text("m"), &patch).await.unwrap();
        let answer = world.tracker.sessions().create(new_session(status.as_str(), "m")).await;
        assert_eq!(answer.is_ok(), taken, "{status}");
    }
}

#[tokio::test]
async fn a_plain_heartbeat_changes_neither_revision_nor_updated_at() {
    let world = World::new();
    let made = world.session("p", "m").await;
    world.advance(5);
    let refreshed =
        world.tracker.sessions().record_heartbeat(made.value.id, &HeartbeatReport::default()).await.unwrap();
    assert_eq!(refreshed.version, made.version);
    assert_eq!(refreshed.value.updated_at, made.value.updated_at);
    assert_eq!(refreshed.value.last_heartbeat, made.value.last_heartbeat.plus(std::time::Duration::from_secs(5)));
    let report = HeartbeatReport { current_task: FieldUpdate::Set(text("t")), metadata: patch(json!({"n": 1})) };
    let changed = world.tracker.sessions().record_heartbeat(made.value.id, &report).await.unwrap();
    assert_eq!(changed.version.revision, 2);
    let again = world.tracker.sessions().record_heartbeat(made.value.id, &report).await.unwrap();
    assert_eq!((again.version.revision, again.value.current_task().unwrap().as_str()), (2, "t"));
    let clear = HeartbeatReport { current_task: FieldUpdate::Clear, metadata: None };
    let cleared = world.tracker.sessions().record_heartbeat(made.value.id, &clear).await.unwrap();
    assert_eq!((cleared.version.revision, cleared.value.current_task()), (3, None));
}

#[tokio::test]
async fn a_heartbeat_revives_a_stalled_session_keeps_a_paused_one_and_is_rejected_by_an_ended_one() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    let beat = HeartbeatReport::default();
    world.tracker.sessions().mark_stalled(id).await.unwrap();
    assert_eq!(
        world.tracker.sessions().record_heartbeat(id, &beat).await.unwrap().value.status(),
        SessionStatus::Active
    );
    world.tracker.sessions().update(id, &to(SessionTarget::Paused)).await.unwrap();
    assert_eq!(
        world.tracker.sessions().record_heartbeat(id, &beat).await.unwrap().value.status(),
        SessionStatus::Paused
    );
    world.tracker.sessions().update(id, &to(SessionTarget::Completed)).await.unwrap();
    let refusal = refused(world.tracker.sessions().record_heartbeat(id, &beat).await);
    let expected = Rejection::SessionEnded { session: id, status: SessionStatus::Completed, successor: None };
    assert_eq!(refusal, expected);
}

#[tokio::test]
async fn becoming_active_counts_as_a_heartbeat() {
    let world = World::new();
    let made = world.session("p", "m").await;
    world.advance(60);
    let again = world.tracker.sessions().update(made.value.id, &to(SessionTarget::Active)).await.unwrap();
    assert_eq!(again.version, made.version, "a repeat changes nothing else");
    assert_eq!(again.value.last_heartbeat, world.tracker.now());
    world.tracker.sessions().mark_stalled(made.value.id).await.unwrap();
    world.advance(60);
    let back = world.tracker.sessions().update(made.value.id, &to(SessionTarget::Active)).await.unwrap();
    assert_eq!(back.value.last_heartbeat, world.tracker.now());
    assert_eq!(world.detect_for(2).await, []);
}

#[tokio::test]
async fn ending_fails_tasks_in_progress_and_clears_the_current_task() {
    for target in [SessionTarget::Completed, SessionTarget::Failed(text("crashed"))] {
        let world = World::new();
        let session = world.session("p", "m").await.value;
        let mut tasks = Vec::new();
        for (name, task_target) in
            [("in progress", TaskTarget::InProgress), ("blocked", TaskTarget::Blocked), ("done", TaskTarget::Completed)]
        {
            let id = world.task(&session, name).await.value.id;
            world.move_task(id, task_target).await;
            tasks.push(id);
        }
        let ended = world.tracker.sessions().update(session.id, &to(target.clone())).await.unwrap();
        assert_eq!(ended, world.reread(session.id).await);
        assert_eq!((ended.value.current_task(), ended.value.completed_at()), (None, Some(world.tracker.now())));
        let mut statuses = Vec::new();
        for id in &tasks {
            statuses.push(world.tracker.tasks().get(*id).await.unwrap().value.status());
        }
        assert_eq!(statuses, [TaskStatus::Failed, TaskStatus::Blocked, TaskStatus::Completed]);
        assert!(world.tracker.tasks().get(tasks[0]).await.unwrap().value.error_message().is_some());
        if matches!(target, SessionTarget::Failed(_)) {
            assert_eq!(ended.value.shown_metadata()["error_message"], json!("crashed"));
        }
    }
}

#[tokio::test]
async fn marking_as_failed_again_changes_nothing() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    let first = world.tracker.sessions().mark_failed(id, text("first"), patch(json!({"a": 1}))).await.unwrap();
    world.advance(1);
    let again = world.tracker.sessions().mark_failed(id, text("second"), patch(json!({"b": 2}))).await.unwrap();
    assert_eq!(again, first);
    let other = world.session("q", "m").await.value.id;
    world.tracker.sessions().update(other, &to(SessionTarget::Completed)).await.unwrap();
    let refusal = refused(world.tracker.sessions().mark_failed(other, text("late"), None).await);
    assert_eq!(
        refusal.to_string(),
        format!(
            "session {other} is completed and cannot become failed: that is possible only from active, paused or stalled"
        )
    );
}

#[tokio::test]
async fn an_ended_session_accepts_metadata_only() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.tracker.sessions().update(id, &to(SessionTarget::Completed)).await.unwrap();
    let note = SessionPatch { metadata: patch(json!({"note": "kept"})), ..SessionPatch::default() };
    let noted = world.tracker.sessions().update(id, &note).await.unwrap();
    assert_eq!(noted.value.shown_metadata()["note"], json!("kept"));
    let label = SessionPatch { current_task: FieldUpdate::Set(text("t")), ..SessionPatch::default() };
    assert!(matches!(refused(world.tracker.sessions().update(id, &label).await), Rejection::SessionEnded { .. }));
}

#[tokio::test]
async fn a_patch_that_changes_nothing_keeps_the_revision() {
    let world = World::new();
    let made = world.session("p", "m").await;
    world.advance(1);
    let same = world.tracker.sessions().update(made.value.id, &SessionPatch::default()).await.unwrap();
    assert_eq!(same, made);
    let changed = world.tracker.sessions().update(made.value.id, &to(SessionTarget::Paused)).await.unwrap();
    let again = world.tracker.sessions().update(made.value.id, &to(SessionTarget::Paused)).await.unwrap();
    assert_eq!(again, changed);
}

#[tokio::test]
async fn a_change_needs_a_revision_that_if_match_names() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    let at = |revisions: &[u64]| SessionPatch {
        if_match: Some(IfMatch::Revisions(revisions.to_vec())),
        ..to(SessionTarget::Paused)
    };
    let refusal = refused(world.tracker.sessions().update(id, &at(&[2, 3])).await);
    assert_eq!(refusal, Rejection::RevisionMismatch { current: 1 });
    world.tracker.sessions().update(id, &at(&[2, 1])).await.unwrap();
    let refusal = refused(world.tracker.sessions().delete(id, Some(&IfMatch::Revisions(vec![1]))).await);
    assert_eq!(refusal, Rejection::RevisionMismatch { current: 2 });
    world.tracker.sessions().delete(id, Some(&IfMatch::Any)).await.unwrap();
    assert!(matches!(refused(world.tracker.sessions().get(id).await), Rejection::NotFound { .. }));
}

#[tokio::test]
async fn updated_at_increases_though_the_clock_stands_still() {
    let world = World::new();
    let made = world.session("p", "m").await.value;
    let paused = world.tracker.sessions().update(made.id, &to(SessionTarget::Paused)).await.unwrap().value;
    assert!(paused.updated_at > made.updated_at);
}

#[tokio::test]
async fn only_ended_sessions_can_be_archived_and_only_once() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    assert!(matches!(refused(world.tracker.sessions().archive(id).await), Rejection::InvalidTransition { .. }));
    world.tracker.sessions().update(id, &to(SessionTarget::Completed)).await.unwrap();
    let first = world.tracker.sessions().archive(id).await.unwrap();
    world.advance(9);
    assert_eq!(world.tracker.sessions().archive(id).await.unwrap(), first);
    assert_eq!(first.value.shown_metadata()["archived"], json!(true));
}

#[tokio::test]
async fn a_session_that_stalls_again_is_not_prepared_for_recovery() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.tracker.sessions().mark_stalled(id).await.unwrap();
    world.tracker.sessions().prepare_recovery(id, rekindle_core::use_cases::SlotRelease::Hold).await.unwrap();
    world.tracker.sessions().record_heartbeat(id, &HeartbeatReport::default()).await.unwrap();
    let stalled = world.tracker.sessions().mark_stalled(id).await.unwrap().value;
    let expected = rekindle_testkit::sample::live(LiveState::Stalled { prepared_at: None });
    assert_eq!(stalled.phase, expected);
}
