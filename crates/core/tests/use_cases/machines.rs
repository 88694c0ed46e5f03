//! The use cases of machines.

use crate::support::{World, new_machine, new_session, refused, to};
use rekindle_core::use_cases::{IfMatch, MachinePatch, NewSession, Registered, SessionTarget};
use rekindle_core::values::Slots;
use rekindle_core::{MachineStatus, Rejection, Slot};
use rekindle_testkit::sample::text;

fn slots(numbers: &[u16]) -> MachinePatch {
    let slots = numbers.iter().copied().map(Slot).collect::<Vec<_>>();
    MachinePatch { docker_slots: Some(Slots::try_from(slots).unwrap()), ..MachinePatch::default() }
}

#[tokio::test]
async fn a_machine_is_created_once_and_can_be_replaced_by_put() {
    let world = World::new();
    let made = world.tracker.machines().create(None, new_machine(&[1, 2])).await.unwrap();
    assert_eq!(made.machine.value.status, MachineStatus::Online);
    let id = made.machine.value.id.clone();
    let refusal = refused(world.tracker.machines().create(Some(id.clone()), new_machine(&[])).await);
    assert_eq!(refusal, Rejection::MachineExists { machine: id.clone() });
    world.advance(9);
    let put = world.tracker.machines().put(id.clone(), new_machine(&[3]), None).await.unwrap();
    let Registered::Replaced(view) = put else { panic!("it was known") };
    assert_eq!(view.machine.value.last_heartbeat, world.tracker.now());
    let same = world.tracker.machines().put(id, new_machine(&[3]), Some(&IfMatch::Revisions(vec![2]))).await.unwrap();
    assert!(
        matches!(same, Registered::Replaced(view) if view.machine.version.revision == 2),
        "a repeat is a heartbeat"
    );
    let strict = world.tracker.machines().put(text("new"), new_machine(&[]), Some(&IfMatch::Any)).await;
    assert_eq!(refused(strict), Rejection::NothingToMatch);
}

#[tokio::test]
async fn a_machine_with_live_sessions_keeps_their_slots_and_cannot_be_deleted() {
    let world = World::new();
    world.machine("m", &[1, 2, 3]).await;
    let new = NewSession { docker_slot: Some(Slot(2)), ..new_session("p", "m") };
    let session = world.tracker.sessions().create(new).await.unwrap().value.id;
    let live = async || world.tracker.machines().get(&text("m")).await.unwrap().active_sessions;
    assert_eq!(live().await, [session]);
    let refusal = refused(world.tracker.machines().update(&text("m"), &slots(&[1, 3])).await);
    assert_eq!(refusal, Rejection::SlotConflict { machine: text("m"), slot: Slot(2), existing: session });
    let refusal = refused(world.tracker.machines().put(text("m"), new_machine(&[1]), None).await);
    assert!(matches!(refusal, Rejection::SlotConflict { .. }));
    world.tracker.machines().update(&text("m"), &slots(&[2])).await.unwrap();
    let refusal = refused(world.tracker.machines().delete(&text("m"), None).await);
    assert_eq!(refusal, Rejection::MachineInUse { machine: text("m"), live: 1, existing: session });
    world.tracker.sessions().update(session, &to(SessionTarget::Completed)).await.unwrap();
    assert!(live().await.is_empty());
    world.tracker.machines().update(&text("m"), &slots(&[])).await.unwrap();
    world.tracker.machines().delete(&text("m"), None).await.unwrap();
    assert!(matches!(refused(world.tracker.machines().get(&text("m")).await), Rejection::NotFound { .. }));
}

#[tokio::test]
async fn a_heartbeat_brings_an_offline_machine_online_but_does_not_end_maintenance() {
    let world = World::new();
    world.machine("m", &[]).await;
    let set = |status| MachinePatch { status: Some(status), ..MachinePatch::default() };
    for (status, after) in
        [(MachineStatus::Offline, MachineStatus::Online), (MachineStatus::Maintenance, MachineStatus::Maintenance)]
    {
        world.tracker.machines().update(&text("m"), &set(status)).await.unwrap();
        let before = world.tracker.machines().get(&text("m")).await.unwrap();
        world.advance(3);
        let view = world.tracker.machines().record_heartbeat(&text("m")).await.unwrap();
        assert_eq!(view.machine.value.status, after);
        assert_eq!(view.machine.value.last_heartbeat, world.tracker.now());
        assert_eq!(view.machine.version.revision > before.machine.version.revision, status != after);
    }
}

#[tokio::test]
async fn declaring_a_machine_online_counts_as_a_heartbeat() {
    let world = World::new();
    world.machine("m", &[]).await;
    world.detect_for(190).await;
    let online = MachinePatch { status: Some(MachineStatus::Online), ..MachinePatch::default() };
    world.tracker.machines().update(&text("m"), &online).await.unwrap();
    world.detect_for(5).await;
    assert_eq!(world.tracker.machines().get(&text("m")).await.unwrap().machine.value.status, MachineStatus::Online);
}
