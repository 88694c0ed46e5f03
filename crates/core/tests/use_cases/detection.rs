//! Detection and retention: who is found silent, when, and what goes when it is old.

use std::time::Duration;

use crate::support::{World, to};
use rekindle_core::use_cases::{CleanupMode, HeartbeatReport, SessionTarget};
use rekindle_core::{MachineStatus, Policy, SessionStatus};
use rekindle_testkit::sample::text;
use rekindle_testkit::{Fault, invariants};

#[tokio::test]
async fn a_silent_session_is_stalled_when_its_deadline_has_passed_and_not_before() {
    let world = World::new();
    let silent = world.session("p", "m").await.value.id;
    let heard = world.session("q", "m").await.value.id;
    assert_eq!(world.watch_for(179).await, []);
    world.tracker.sessions().record_heartbeat(heard, &HeartbeatReport::default()).await.unwrap();
    assert_eq!(world.watch_for(1).await, [], "at its deadline it is still in time");
    assert_eq!(world.watch_for(1).await, [silent]);
    assert_eq!(world.reread(silent).await.value.completed_at(), None);
    assert_eq!(world.reread(heard).await.value.status(), SessionStatus::Active);
}

#[tokio::test]
async fn a_pass_says_when_the_next_one_is_due() {
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
async fn paused_sessions_may_be_silent() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.tracker.sessions().update(id, &to(SessionTarget::Paused)).await.unwrap();
    assert_eq!(world.watch_for(400).await, []);
}

#[tokio::test]
async fn nobody_is_blamed_for_a_time_in_which_nobody_listened() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.watch_for(10).await;
    world.advance(3600);
    assert_eq!(world.watch_for(179).await, [], "the hour does not count");
    let report = world.tracker.sessions().stalled(10).await.unwrap();
    assert_eq!(report.silent.total, 0, "nor in what users are shown");
    assert!(world.tracker.sessions().health(id).await.unwrap().is_healthy);
    assert_eq!(world.watch_for(3).await, [id], "silence after it does");
}

#[tokio::test]
async fn a_machine_that_falls_silent_goes_offline_unless_in_maintenance() {
    let world = World::new();
    world.machine("lost", &[]).await;
    world.machine("resting", &[]).await;
    let patch =
        rekindle_core::use_cases::MachinePatch { status: Some(MachineStatus::Maintenance), ..Default::default() };
    world.tracker.machines().update(&text("resting"), &patch).await.unwrap();
    world.session("p", "lost").await;
    world.watch_for(181).await;
    let status = async |id: &str| world.tracker.machines().get(&text(id)).await.unwrap().machine.value.status;
    assert_eq!(status("lost").await, MachineStatus::Offline);
    assert_eq!(status("resting").await, MachineStatus::Maintenance);
    world.tracker.machines().record_heartbeat(&text("lost")).await.unwrap();
    assert_eq!(status("lost").await, MachineStatus::Online);
}

#[tokio::test]
async fn more_silent_sessions_than_a_batch_are_all_found_once() {
    let world = World::new();
    for n in 0..1203 {
        world.session(&format!("p{n}"), "m").await;
    }
    world.watch_for(180).await;
    // Others get in between: the batches shrink, and nobody is missed.
    world.store.script([Some(Fault::Stale), None, Some(Fault::Stale)]);
    let found = world.watch_for(2).await;
    let distinct: std::collections::HashSet<_> = found.iter().collect();
    assert_eq!((found.len(), distinct.len()), (1203, 1203));
    assert_eq!(world.tracker.sessions().stalled(1000).await.unwrap().silent.total, 1203);
    invariants::assert_hold(world.tracker.store().as_ref()).await;
}

#[tokio::test]
async fn retention_deletes_what_ended_long_enough_ago_and_is_not_archived() {
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
    let mut told = Vec::new();
    let early = world.tracker.cleanup(None, CleanupMode::Delete, &mut |gone| told.push(gone.session_id)).await.unwrap();
    assert_eq!((early.deleted_sessions, early.older_than_days), (0, 30));
    world.advance(1);
    let dry = world.tracker.cleanup(None, CleanupMode::DryRun, &mut |gone| told.push(gone.session_id)).await.unwrap();
    assert_eq!((dry.deleted_sessions, dry.deleted_tasks, told.len()), (1, 3, 0));
    let done = world.tracker.cleanup(None, CleanupMode::Delete, &mut |gone| told.push(gone.session_id)).await.unwrap();
    assert_eq!((done.deleted_sessions, done.deleted_tasks), (1, 3));
    assert_eq!(told, [old.id]);
    assert!(world.tracker.sessions().get(old.id).await.is_err());
    for id in [kept.id, live.id] {
        assert!(world.tracker.sessions().get(id).await.is_ok());
    }
}

#[tokio::test]
async fn zero_days_means_everything_that_has_ended() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.tracker.sessions().mark_failed(id, text("gone"), None).await.unwrap();
    let report = world.tracker.cleanup(Some(0), CleanupMode::Delete, &mut |_| ()).await.unwrap();
    assert_eq!(report.deleted_sessions, 1);
}
