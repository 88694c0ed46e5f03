//! Notifications of the use cases: committed events, the delay of a stall, the downtime of a recovered session.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rekindle_core::domain::event::{Event, EventKind};
use rekindle_core::use_cases::{HeartbeatReport, Observer, Recovered};
use rekindle_core::{SessionId, Tracker};
use rekindle_testkit::Fault;
use rekindle_testkit::sample::text;

use crate::support::{World, onto};

#[derive(Default)]
struct RecordingObserver {
    kinds: Mutex<Vec<EventKind>>,
    recovered: Mutex<Vec<Duration>>,
}

impl Observer for RecordingObserver {
    fn committed(&self, events: &[Event]) {
        self.kinds.lock().unwrap().extend(events.iter().map(|event| event.kind));
    }

    fn recovered(&self, after: Duration) {
        self.recovered.lock().unwrap().push(after);
    }
}

impl RecordingObserver {
    fn count(&self, kind: EventKind) -> usize {
        self.kinds.lock().unwrap().iter().filter(|recorded| **recorded == kind).count()
    }
}

fn observed(world: &World) -> (Tracker, Arc<RecordingObserver>) {
    let observer = Arc::new(RecordingObserver::default());
    (world.tracker.clone().with_observer(Arc::clone(&observer) as _), observer)
}

async fn overdue_session(world: &World) -> SessionId {
    let id = world.session("p", "m").await.value.id;
    assert_eq!(world.detect_for(180).await, []);
    world.advance(1);
    id
}

#[tokio::test]
async fn a_pass_reports_how_late_it_marked_a_session() {
    let world = World::new();
    let id = overdue_session(&world).await;
    let pass = world.tracker.detect().await.unwrap();
    assert_eq!(pass.stalled.len(), 1);
    assert_eq!(pass.stalled[0].session_id, id);
    assert_eq!(pass.stalled[0].late_by, Duration::from_millis(999), "of the second past its deadline");
}

#[tokio::test]
async fn each_stall_and_each_revival_is_reported_once() {
    let world = World::new();
    let (tracker, observer) = observed(&world);
    let id = overdue_session(&world).await;
    tracker.detect().await.unwrap();
    tracker.detect().await.unwrap();
    assert_eq!(observer.count(EventKind::SessionStalled), 1);
    tracker.sessions().record_heartbeat(id, &HeartbeatReport::default()).await.unwrap();
    tracker.sessions().record_heartbeat(id, &HeartbeatReport::default()).await.unwrap();
    assert_eq!(observer.count(EventKind::SessionRevived), 1);
}

#[tokio::test]
async fn failed_commits_are_not_reported() {
    let world = World::new();
    let (tracker, observer) = observed(&world);
    let id = overdue_session(&world).await;
    world.store.script([Some(Fault::Stale)]);
    tracker.detect().await.unwrap();
    assert_eq!(observer.count(EventKind::SessionStalled), 1, "of two attempts one went through");
    world.store.script([Some(Fault::Refused)]);
    tracker.sessions().record_heartbeat(id, &HeartbeatReport::default()).await.unwrap_err();
    assert_eq!(observer.count(EventKind::SessionRevived), 0);
}

#[tokio::test]
async fn downtime_counts_from_the_deadline_or_the_failure() {
    let world = World::new();
    let (tracker, observer) = observed(&world);
    let stalled = overdue_session(&world).await;
    tracker.detect().await.unwrap();
    world.advance(9);
    // Preparing a recovery changes the row, but not the time from which the downtime counts.
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
    assert_eq!(*observer.recovered.lock().unwrap(), [Duration::from_secs(25), Duration::from_secs(5)]);
}
