//! What the use cases tell whoever listens: what was committed, how late a stall was marked, how long a session was down.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rekindle_core::domain::event::{Event, EventKind};
use rekindle_core::use_cases::{HeartbeatReport, Observer, Recovered};
use rekindle_core::{SessionId, Tracker};
use rekindle_testkit::Fault;
use rekindle_testkit::sample::text;

use crate::support::{World, onto};

#[derive(Default)]
struct Heard {
    kinds: Mutex<Vec<EventKind>>,
    recovered: Mutex<Vec<Duration>>,
}

impl Observer for Heard {
    fn committed(&self, events: &[Event]) {
        self.kinds.lock().unwrap().extend(events.iter().map(|event| event.kind));
    }

    fn recovered(&self, after: Duration) {
        self.recovered.lock().unwrap().push(after);
    }
}

impl Heard {
    fn count(&self, kind: EventKind) -> usize {
        self.kinds.lock().unwrap().iter().filter(|heard| **heard == kind).count()
    }
}

fn listening(world: &World) -> (Tracker, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    (world.tracker.clone().with_observer(Arc::clone(&heard) as _), heard)
}

async fn silent_session(world: &World) -> SessionId {
    let id = world.session("p", "m").await.value.id;
    assert_eq!(world.watch_for(180).await, []);
    world.advance(1);
    id
}

#[tokio::test]
async fn a_pass_says_how_late_it_was() {
    let world = World::new();
    let id = silent_session(&world).await;
    let pass = world.tracker.detect().await.unwrap();
    assert_eq!(pass.stalled.len(), 1);
    assert_eq!(pass.stalled[0].session_id, id);
    assert_eq!(pass.stalled[0].late_by, Duration::from_millis(999), "of the second past its deadline");
}

#[tokio::test]
async fn stalls_and_what_undoes_them_are_told_once_each() {
    let world = World::new();
    let (tracker, heard) = listening(&world);
    let id = silent_session(&world).await;
    tracker.detect().await.unwrap();
    tracker.detect().await.unwrap();
    assert_eq!(heard.count(EventKind::SessionStalled), 1);
    tracker.sessions().record_heartbeat(id, &HeartbeatReport::default()).await.unwrap();
    tracker.sessions().record_heartbeat(id, &HeartbeatReport::default()).await.unwrap();
    assert_eq!(heard.count(EventKind::SessionRevived), 1);
}

#[tokio::test]
async fn what_was_not_committed_is_not_told() {
    let world = World::new();
    let (tracker, heard) = listening(&world);
    let id = silent_session(&world).await;
    world.store.script([Some(Fault::Stale)]);
    tracker.detect().await.unwrap();
    assert_eq!(heard.count(EventKind::SessionStalled), 1, "of two attempts one went through");
    world.store.script([Some(Fault::Refused)]);
    tracker.sessions().record_heartbeat(id, &HeartbeatReport::default()).await.unwrap_err();
    assert_eq!(heard.count(EventKind::SessionRevived), 0);
}

#[tokio::test]
async fn how_long_a_session_was_down_counts_from_its_deadline_or_its_failure() {
    let world = World::new();
    let (tracker, heard) = listening(&world);
    let stalled = silent_session(&world).await;
    tracker.detect().await.unwrap();
    world.advance(9);
    // Whoever prepares a recovery changes the row, and not the time from which it counts.
    tracker.sessions().prepare_recovery(stalled, rekindle_core::use_cases::SlotRelease::Hold).await.unwrap();
    world.advance(10);
    let failed = world.session("q", "m").await.value.id;
    tracker.sessions().mark_failed(failed, text("gone"), None).await.unwrap();
    world.advance(5);
    for id in [stalled, failed] {
        assert!(matches!(tracker.sessions().recover(id, &onto("other")).await.unwrap(), Recovered::Created(_)));
        assert!(matches!(
            tracker.sessions().recover(id, &onto("other")).await.unwrap(),
            Recovered::AlreadyRecovered(_)
        ));
    }
    assert_eq!(*heard.recovered.lock().unwrap(), [Duration::from_secs(25), Duration::from_secs(5)]);
}
