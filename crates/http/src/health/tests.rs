//! Tests of the checks, with a manual clock.

use std::sync::Arc;

use rekindle_core::{Policy, RandomIds};
use rekindle_testkit::{ManualClock, MemoryStore};
use serde_json::json;

use async_trait::async_trait;

use super::*;
use rekindle_telemetry::DETECTOR;
use rekindle_telemetry::metrics::Metrics;

/// A check with a given behaviour.
struct StubCheck(&'static str, Behaviour);

#[derive(Clone, Copy)]
enum Behaviour {
    Returns(HealthStatus),
    Hangs,
    Panics,
}

#[async_trait]
impl Check for StubCheck {
    fn name(&self) -> &'static str {
        self.0
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn check(&self) -> CheckResult {
        match self.1 {
            Behaviour::Returns(status) => CheckResult::of(status, &json!({ "status": status })),
            Behaviour::Hangs => std::future::pending().await,
            Behaviour::Panics => panic!("the check panics, as the test wants it"),
        }
    }

    fn timed_out(&self, _: Duration, why: &'static str) -> CheckResult {
        CheckResult::of(HealthStatus::Error, &json!({ "status": "error", "message": why }))
    }
}

async fn found(checks: &[(&'static str, Behaviour)]) -> (HealthStatus, Vec<(&'static str, CheckResult)>) {
    let add = |checks: Checks, (name, behaviour): &(&'static str, Behaviour)| checks.with(StubCheck(name, *behaviour));
    checks.iter().fold(Checks::default(), add).run().await
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_or_panics_is_an_error_of_its_own() {
    let began = tokio::time::Instant::now();
    let checks = [
        ("hangs", Behaviour::Hangs),
        ("panics", Behaviour::Panics),
        ("hangs too", Behaviour::Hangs),
        ("well", Behaviour::Returns(HealthStatus::Ok)),
    ];
    let (status, each) = found(&checks).await;
    assert_eq!(began.elapsed().as_secs(), 5, "they are made at once");
    assert_eq!(status, HealthStatus::Error);
    let each: Vec<_> = each
        .into_iter()
        .map(|(name, found)| (name, found.status, found.shown.get("message").cloned().unwrap_or_default()))
        .collect();
    assert_eq!(
        each[..3],
        [
            ("hangs", HealthStatus::Error, json!("the check took too long")),
            ("panics", HealthStatus::Error, json!("the check panicked; the log says how")),
            ("hangs too", HealthStatus::Error, json!("the check took too long")),
        ]
    );
    assert_eq!((each[3].0, each[3].1), ("well", HealthStatus::Ok));
}

#[tokio::test]
async fn overall_status_is_that_of_the_worst_check() {
    use HealthStatus::{Degraded, Error, Ok};
    for (one, other, all) in
        [(Ok, Ok, Ok), (Ok, Degraded, Degraded), (Error, Degraded, Error), (Degraded, Error, Error), (Error, Ok, Error)]
    {
        let checks = [("one", Behaviour::Returns(one)), ("other", Behaviour::Returns(other))];
        assert_eq!(found(&checks).await.0, all);
    }
    assert_eq!(found(&[]).await.0, Ok);
}

/// Returns the jobs of a process, their clock, and the check.
fn jobs(detect_interval: Duration) -> (Tracker, JobRegistry, Arc<ManualClock>, jobs::Jobs) {
    let clock = Arc::new(ManualClock::default());
    let policy = Policy { detect_interval, ..Policy::default() };
    let store = Arc::new(MemoryStore::new());
    let tracker = Tracker::new(store, Arc::clone(&clock) as _, Arc::new(RandomIds), policy);
    let registry = JobRegistry::new(&Metrics::new([], &[]));
    let check = jobs::Jobs::new(tracker.clone(), registry.clone());
    (tracker, registry, clock, check)
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn ten_minutes_without_a_detection_pass_are_degraded() {
    let (tracker, registry, clock, check) = jobs(Duration::from_secs(1));
    let detector = registry.job(DETECTOR);
    assert_eq!(check.check().await.status, HealthStatus::Ok, "it has only just begun");
    clock.advance(9 * MINUTE);
    detector.done(tracker.now(), Duration::ZERO);
    clock.advance(10 * MINUTE);
    assert_eq!(check.check().await.status, HealthStatus::Ok);
    clock.advance(MINUTE);
    let found = check.check().await;
    assert_eq!(found.status, HealthStatus::Degraded);
    assert_eq!(found.shown["message"], "no detection pass has ended for 660 s");
    detector.failed(tracker.now(), Duration::ZERO, "contended".to_owned());
    assert_eq!(check.check().await.status, HealthStatus::Degraded, "a pass that failed is none");
    detector.done(tracker.now(), Duration::ZERO);
    let found = check.check().await;
    assert_eq!((found.status, &found.shown["last_run"]), (HealthStatus::Ok, &json!(tracker.now().to_string())));
}

#[tokio::test]
async fn detection_pass_of_another_process_counts() {
    let (tracker, registry, clock, check) = jobs(Duration::from_secs(1));
    let _detector = registry.job(DETECTOR);
    clock.advance(16 * MINUTE);
    assert_eq!(check.check().await.status, HealthStatus::Degraded);
    // A pass of another process on the same store.
    tracker.detect().await.unwrap();
    let found = check.check().await;
    assert_eq!((found.status, &found.shown["last_run"]), (HealthStatus::Ok, &json!(tracker.now().to_string())));
}

#[tokio::test]
async fn longer_detection_intervals_allow_longer_idle_times() {
    let (_, registry, clock, check) = jobs(5 * MINUTE);
    let _detector = registry.job(DETECTOR);
    clock.advance(49 * MINUTE);
    assert_eq!(check.check().await.status, HealthStatus::Ok);
    clock.advance(2 * MINUTE);
    assert_eq!(check.check().await.status, HealthStatus::Degraded);
}
