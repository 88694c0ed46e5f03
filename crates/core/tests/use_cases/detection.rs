//! Detection passes mark overdue sessions and machines; retention passes delete old sessions.

use std::time::Duration;

use crate::support::{World, to};
use rekindle_core::use_cases::{CleanupMode, HeartbeatReport, SessionTarget};
use rekindle_core::{MachineStatus, Policy, SessionStatus};
use rekindle_testkit::sample::text;
use rekindle_testkit::{Fault, invariants};

#[tokio::test]
async fn a_session_is_stalled_after_its_deadline_and_not_before() {
    let world = World::new();
    let silent = world.session("p", "m").await.value.id;
    let heard = world.session("q", "m").await.value.id;
    assert_eq!(world.detect_for(179).await, []);
    world.tracker.sessions().record_heartbeat(heard, &HeartbeatReport::default()).await.unwrap();
    assert_eq!(world.detect_for(1).await, [], "it is not overdue at its deadline");
    assert_eq!(world.detect_for(1).await, [silent]);
    assert_eq!(world.reread(silent).await.value.completed_at(), None);
    assert_eq!(world.reread(heard).await.value.status(), SessionStatus::Active);
}

#[tokio::test]
async fn a_pass_reports_when_the_next_one_is_due() {
    let world = World::with(Policy { detect_interval: Duration::from_secs(600), ..Policy::default() });
    let idle = world.tracker.detect().await.unwrap();
    assert_eq!(idle.next_pass_at, world.tracker.now().plus(Duration::from_secs(180)));
    let heard = world.session("p", "m").await.value.last_heartbeat;
    world.advance(100);
    let pass = world.tracker.detect().await.unwrap();
    assert_eq!(pass.next_pass_at, heard.plus(Duration::from_millis(180_001)));
    world.clock.set(pass.next_pass_at);
    assert_eq!(world.tracker.detect().await.unwrap().stalled.len(), 1, "found at its first overdue millisecond");
}

#[tokio::test]
async fn paused_sessions_are_never_overdue() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.tracker.sessions().update(id, &to(SessionTarget::Paused)).await.unwrap();
    assert_eq!(world.detect_for(400).await, []);
}

#[tokio::test]
async fn silence_during_a_gap_does_not_count() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.detect_for(10).await;
    world.advance(3600);
    assert_eq!(world.detect_for(179).await, [], "the hour does not count");
    let report = world.tracker.sessions().stalled(10).await.unwrap();
    assert_eq!(report.sessions.total, 0, "nor in the report of stalled sessions");
    assert!(world.tracker.sessions().health(id).await.unwrap().is_healthy);
    assert_eq!(world.detect_for(3).await, [id], "silence after it does");
}

#[tokio::test]
async fn an_overdue_machine_goes_offline_unless_in_maintenance() {
    let world = World::new();
    world.machine("lost", &[]).await;
    world.machine("resting", &[]).await;
    let patch =
        rekindle_core::use_cases::MachinePatch { status: Some(MachineStatus::Maintenance), ..Default::default() };
    world.tracker.machines().update(&text("resting"), &patch).await.unwrap();
    world.session("p", "lost").await;
    world.detect_for(181).await;
    let status = async |id: &str| world.tracker.machines().get(&text(id)).await.unwrap().machine.value.status;
    assert_eq!(status("lost").await, MachineStatus::Offline);
    assert_eq!(status("resting").await, MachineStatus::Maintenance);
    world.tracker.machines().record_heartbeat(&text("lost")).await.unwrap();
    assert_eq!(status("lost").await, MachineStatus::Online);
}

#[tokio::test]
async fn more_overdue_sessions_than_a_batch_are_each_marked_once() {
    let world = World::new();
    for n in 0..1203 {
        world.session(&format!("p{n}"), "m").await;
    }
    world.detect_for(180).await;
    // Other requests change rows in between: the batches shrink, and no session is missed.
    world.store.script([Some(Fault::Stale), None, Some(Fault::Stale)]);
    let found = world.detect_for(2).await;
    let distinct: std::collections::HashSet<_> = found.iter().collect();
    assert_eq!((found.len(), distinct.len()), (1203, 1203));
    assert_eq!(world.tracker.sessions().stalled(1000).await.unwrap().sessions.total, 1203);
    invariants::assert_hold(world.tracker.store().as_ref()).await;
}

#[tokio::test]
async fn retention_deletes_old_ended_sessions_except_archived_ones() {
    let world = World::new();
    let (old, kept, live) =
        (world.session("p", "m").await.value, world.session("q", "m").await.value, world.session("r", "m").await.value);
    for n in 0..3 {
        world.task(&old, &format!("task {n}")).await;
    }
    for id in [old.id, kept.id] {
        world.tracker.sessions().update(id, &to(SessionTarget::Completed)).await.unwrap();
    }
    world.tracker.sessions().archive(kept.id).await.unwrap();
    world.advance(30 * 24 * 60 * 60 - 1);
    let mut deleted = Vec::new();
    let early = world
        .tracker
        .cleanup(None, CleanupMode::Delete, &mut |session| deleted.push(session.session_id))
        .await
        .unwrap();
    assert_eq!((early.deleted_sessions, early.older_than_days), (0, 30));
    world.advance(1);
    let dry = world
        .tracker
        .cleanup(None, CleanupMode::DryRun, &mut |session| deleted.push(session.session_id))
        .await
        .unwrap();
    assert_eq!((dry.deleted_sessions, dry.deleted_tasks, deleted.len()), (1, 3, 0));
    let done = world
        .tracker
        .cleanup(None, CleanupMode::Delete, &mut |session| deleted.push(session.session_id))
        .await
        .unwrap();
    assert_eq!((done.deleted_sessions, done.deleted_tasks), (1, 3));
    assert_eq!(deleted, [old.id]);
    assert!(world.tracker.sessions().get(old.id).await.is_err());
    for id in [kept.id, live.id] {
        assert!(world.tracker.sessions().get(id).await.is_ok());
    }
}

#[tokio::test]
async fn cleanup_of_zero_days_deletes_every_ended_session() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.tracker.sessions().mark_failed(id, text("gone"), None).await.unwrap();
    let report = world.tracker.cleanup(Some(0), CleanupMode::Delete, &mut |_| ()).await.unwrap();
    assert_eq!(report.deleted_sessions, 1);
}
