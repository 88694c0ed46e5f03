//! Detection and retention by the right of a lease: what a pass does that has lost it.

use std::time::Duration;

use crate::support::{World, to};
use rekindle_core::store::{Claim, Fence, LeaseName, Store};
use rekindle_core::use_cases::{CleanupMode, SessionTarget};
use rekindle_core::{Error, MachineStatus, SessionStatus};
use rekindle_testkit::sample::{text, uuid};
use rekindle_testkit::{Fault, invariants};

const LONG: Duration = Duration::from_secs(3600);

async fn claim(world: &World, duty: LeaseName, holder: u64) -> Fence {
    world.store.claim(Claim { duty, holder: uuid(holder), ttl: LONG }).await.unwrap().unwrap()
}

/// The fence of one who no longer has the duty, and that of the one who has it now.
async fn handed_over(world: &World, duty: LeaseName) -> (Fence, Fence) {
    let old = claim(world, duty, 1).await;
    world.store.release(old).await.unwrap();
    (old, claim(world, duty, 2).await)
}

#[tokio::test]
async fn a_detection_pass_that_lost_its_duty_changes_nothing() {
    let world = World::new();
    world.machine("m", &[]).await;
    let id = world.session("p", "m").await.value.id;
    world.watch_for(180).await;
    let (old, new) = handed_over(&world, LeaseName::Detection).await;
    world.advance(1);
    let watch = world.store.detector_state().await.unwrap();
    let before = world.store.events(None, 100).await.unwrap();
    let lost = world.tracker.with_fence(old).detect().await;
    assert!(matches!(lost, Err(Error::Fenced)), "{lost:?}");
    assert_eq!(world.reread(id).await.value.status(), SessionStatus::Active);
    let machine = world.tracker.machines().get(&text("m")).await.unwrap().machine.value;
    assert_eq!(machine.status, MachineStatus::Online);
    assert_eq!(world.store.events(None, 100).await.unwrap(), before);
    assert_eq!(world.store.detector_state().await.unwrap(), watch);
    let pass = world.tracker.with_fence(new).detect().await.unwrap();
    assert_eq!((pass.stalled.len(), pass.offline.len()), (1, 1), "who has it now finds them");
    invariants::assert_hold(world.store.as_ref()).await;
}

#[tokio::test]
async fn a_detection_pass_with_nothing_to_mark_hears_of_its_loss_too() {
    let world = World::new();
    world.session("p", "m").await;
    let (old, _) = handed_over(&world, LeaseName::Detection).await;
    let lost = world.tracker.with_fence(old).detect().await;
    assert!(matches!(lost, Err(Error::Fenced)), "{lost:?}");
    assert_eq!(world.store.detector_state().await.unwrap(), None, "its note would mislead the one who looks now");
}

#[tokio::test]
async fn a_cleanup_that_lost_its_duty_deletes_nothing() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.tracker.sessions().update(id, &to(SessionTarget::Completed)).await.unwrap();
    world.advance(31 * 24 * 3600);
    let (old, new) = handed_over(&world, LeaseName::Retention).await;
    let before = world.store.events(None, 100).await.unwrap();
    let mut told = 0;
    let lost = world.tracker.with_fence(old).cleanup(None, CleanupMode::Delete, &mut |_| told += 1).await;
    assert!(matches!(lost, Err(Error::Fenced)), "{lost:?}");
    assert_eq!(told, 0);
    assert_eq!(world.reread(id).await.value.status(), SessionStatus::Completed);
    assert_eq!(world.store.events(None, 100).await.unwrap(), before);
    let report = world.tracker.with_fence(new).cleanup(None, CleanupMode::Delete, &mut |_| told += 1).await.unwrap();
    assert_eq!((report.deleted_sessions, told), (1, 1));
}

#[tokio::test]
async fn a_duty_lost_while_a_commit_is_in_doubt_is_lost() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.watch_for(180).await;
    let (old, _) = handed_over(&world, LeaseName::Detection).await;
    world.advance(1);
    world.store.script([Some(Fault::LostBefore)]);
    let lost = world.tracker.with_fence(old).detect().await;
    assert!(matches!(lost, Err(Error::Fenced)), "{lost:?}");
    assert_eq!(world.reread(id).await.value.status(), SessionStatus::Active);
}

#[tokio::test]
async fn a_pass_that_a_person_asks_for_needs_no_duty() {
    let world = World::new();
    let id = world.session("p", "m").await.value.id;
    world.watch_for(180).await;
    claim(&world, LeaseName::Detection, 1).await;
    assert_eq!(world.watch_for(1).await, [id]);
}
