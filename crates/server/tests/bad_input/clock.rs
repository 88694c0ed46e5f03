//! A clock that is set back an hour: no session is marked as stalled for it, and everything that is ordered by time
//! continues.

use std::sync::Arc;
use std::time::Duration;

use rekindle_core::Clock;
use rekindle_testkit::ManualClock;
use reqwest::StatusCode;

use crate::support::Setup;

#[tokio::test]
async fn a_clock_that_is_set_back_stalls_no_session_and_loses_nothing() {
    let clock = Arc::new(ManualClock::default());
    let setup = Setup::new().clock(&clock).set("STALL_THRESHOLD_MS", "1000").set("RATE_LIMIT_PER_MINUTE", "1000");
    let server = setup.set("DETECT_INTERVAL_MS", "200").start().await;
    let old = server.session("p", "old").await;
    let cursor = {
        server.session("p", "another").await;
        server.get("/api/sessions?limit=1").await.expect(StatusCode::OK).text("next_cursor")
    };
    clock.set(clock.now().minus(Duration::from_secs(3600)));
    for _ in 0..3 {
        server.tracker.detect().await.unwrap();
        assert_eq!(server.status(&old).await, "active");
    }
    // Requests are carried out, whatever the time.
    let beat = server.act(&format!("/api/sessions/{old}/heartbeat")).await.expect(StatusCode::OK);
    assert!(beat.field("next_heartbeat_ms").as_u64().unwrap() > 0);
    let task = server.task(&old, "p", "work").await;
    server.set_task(&task, "in_progress").await;
    server.set_task(&task, "completed").await;
    let new = server.session("p", "new").await;
    let page = server.get(&format!("/api/sessions?limit=10&cursor={cursor}")).await.expect(StatusCode::OK);
    let ids: Vec<_> = page.field("sessions").as_array().unwrap().iter().map(|one| one["session_id"].clone()).collect();
    assert!(ids.contains(&old.as_str().into()), "the cursor goes on: {ids:?}");
    assert_eq!(server.get("/api/sessions").await.field("total"), 3);
    for path in [&old, &new] {
        let health = server.get(&format!("/api/sessions/{path}/health")).await.expect(StatusCode::OK);
        assert_eq!(health.field("is_healthy"), true, "{}", health.json());
    }
    // A session that falls silent from now on is detected in time.
    server.let_pass(&clock, Duration::from_millis(2500)).await;
    assert_eq!(server.status(&new).await, "stalled");
    server.act(&format!("/api/sessions/{new}/heartbeat")).await.expect(StatusCode::OK);
    assert_eq!(server.status(&new).await, "active");
    server.stop().await;
}
