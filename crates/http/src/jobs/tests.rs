//! Tests of `jobs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rekindle_core::Timestamp;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_default_schedule_is_at_two_in_the_night_utc() {
    let schedule: Schedule = "0 2 * * *".parse().unwrap();
    assert_eq!(schedule.after(at("2026-01-19T01:59:59.999Z")), Some(at("2026-01-19T02:00:00.000Z")));
    assert_eq!(schedule.after(at("2026-01-19T02:00:00.000Z")), Some(at("2026-01-20T02:00:00.000Z")));
    assert!("x".parse::<Schedule>().is_err());
}

#[test]
fn backoff_grows_up_to_its_limit_and_never_beyond() {
    let (first, most) = (Duration::from_millis(100), Duration::from_secs(1));
    for failures in 1..100 {
        let pause = backoff(failures, first, most);
        assert!(pause >= first / 2 && pause <= most, "{failures}: {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_panics_is_started_again_until_it_is_told_to_stop() {
    let (runs, stop) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
    let (counted, told) = (Arc::clone(&runs), stop.clone());
    let job = tokio::spawn(async move {
        let make = || {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(run >= 3, "dies three times");
                std::future::pending::<()>().await;
            }
        };
        supervised("test", &told, make).await;
    });
    while runs.load(Ordering::SeqCst) < 4 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.cancel();
    job.await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 4);
}
