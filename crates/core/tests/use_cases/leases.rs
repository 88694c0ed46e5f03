//! Detection and retention under a lease: a pass with a stale fence writes nothing.

use std::time::Duration;

use crate::support::{World, to};
use rekindle_core::store::{Claim, Fence, FindTyped, LeaseName, Store, queries};
use rekindle_core::use_cases::{CleanupMode, SessionTarget};
use rekindle_core::{Error, MachineStatus, SessionStatus};
use rekindle_testkit::sample::{text, uuid};
use rekindle_testkit::{Fault, invariants};

const LONG: Duration = Duration::from_secs(3600);

async fn claim(world: &World, lease: LeaseName, holder: u64) -> Fence {
    world.store.claim(Claim { lease, holder: uuid(holder), ttl: LONG }).await.unwrap().unwrap()
}

/// Returns the stale fence of a former holder, and the current fence.
async fn handed_over(world: &World, lease: LeaseName) -> (Fence, Fence) {
    let old = claim(world, lease, 1).await;
    world.store.release(old).await.unwrap();
    (old, claim(world, lease, 2).await)
}

#[tokio::test]
async fn a_detection_pass_with_a_stale_fence_changes_nothing() {
    let world = World::new();
    world.machine("m", &[]).await;
    let id = world.session("p", "m").await.value.id;
    world.detect_for(180).await;
    let (old, new) = handed_over(&world, LeaseName::Detection).await;
    world.advance(1);
    let stored = world.store.read(queries::detector_state()).await.unwrap();
    let before = world.store.events(None, 100).await.unwrap();
    let lost = world.tracker.with_fence(old).detect().await;
    assert!(matches!(lost, Err(Error::Fenced)), "{lost:?}");
    assert_eq!(world.reread(id).await.value.status(), SessionStatus::Active);
    let machine = world.tracker.machines().get(&text("m")).await.unwrap().machine.value;
    assert_eq!(machine.status, MachineStatus::Online);
    assert_eq!(world.store.events(None, 100).await.unwrap(), before);
    assert_eq!(world.store.read(queries::detector_state()).await.unwrap(), stored);
    let pass = world.tracker.with_fence(new).detect().await.unwrap();
    assert_eq!((pass.stalled.len(), pass.offline.len()), (1, 1), "the current holder marks them");
    invariants::assert_hold(world.store.as_ref()).await;
}

#[tokio::test]
async fn a_detection_pass_with_nothing_to_mark_fails_with_fenced_too() {
    let world = World::new();
    world.session("p", "m").await;
    let (old, _) = handed_over(&world, LeaseName::Detection).await;
    let lost = world.tracker.with_fence(old).detect().await;
    assert!(matches!(lost, Err(Error::Fenced)), "{lost:?}");
    assert_eq!(world.store.read(queries::detector_state()).await.unwrap(), None, "it would mislead the current holder");
}

#[tokio::test]
async fn a_cleanup_with_a_stale_fence_deletes_nothing() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.tracker.sessions().update(id, &to(SessionTarget::Completed)).await.unwrap();
    world.advance(31 * 24 * 3600);
    let (old, new) = handed_over(&world, LeaseName::Retention).await;
    let before = world.store.events(None, 100).await.unwrap();
    let mut deleted = 0;
    let lost = world.tracker.with_fence(old).cleanup(None, CleanupMode::Delete, &mut |_| deleted += 1).await;
    assert!(matches!(lost, Err(Error::Fenced)), "{lost:?}");
    assert_eq!(deleted, 0);
    assert_eq!(world.reread(id).await.value.status(), SessionStatus::Completed);
    assert_eq!(world.store.events(None, 100).await.unwrap(), before);
    let report = world.tracker.with_fence(new).cleanup(None, CleanupMode::Delete, &mut |_| deleted += 1).await.unwrap();
    assert_eq!((report.deleted_sessions, deleted), (1, 1));
}

#[tokio::test]
async fn a_retry_after_an_unknown_outcome_is_fenced_too() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.detect_for(180).await;
    let (old, _) = handed_over(&world, LeaseName::Detection).await;
    world.advance(1);
    world.store.script([Some(Fault::LostBefore)]);
    let lost = world.tracker.with_fence(old).detect().await;
    assert!(matches!(lost, Err(Error::Fenced)), "{lost:?}");
    assert_eq!(world.reread(id).await.value.status(), SessionStatus::Active);
}

#[tokio::test]
async fn a_pass_without_a_fence_needs_no_lease() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.detect_for(180).await;
    claim(&world, LeaseName::Detection, 1).await;
    assert_eq!(world.detect_for(1).await, [id]);
}
