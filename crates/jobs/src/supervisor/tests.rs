//! Tests of `supervisor`, in time that passes by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::status::JobRegistry;
use rekindle_telemetry::metrics::Metrics;

/// A job that dies by a panic as often as this says, and then lives; how often it ran.
struct Mortal {
    job: JobHandle,
    board: JobRegistry,
    runs: Arc<AtomicU32>,
    stop: CancellationToken,
}

impl Mortal {
    fn new() -> Self {
        let board = JobRegistry::new(&Metrics::new([], &[]));
        Self { job: board.job("test"), board, runs: Arc::default(), stop: CancellationToken::new() }
    }

    fn dying(&self, times: u32, after: Duration) -> tokio::task::JoinHandle<()> {
        let (job, runs, stop) = (self.job.clone(), Arc::clone(&self.runs), self.stop.clone());
        tokio::spawn(async move {
            let make = || {
                let run = runs.fetch_add(1, Ordering::SeqCst);
                async move {
                    tokio::time::sleep(after).await;
                    assert!(run >= times, "dies {times} times");
                    std::future::pending::<()>().await;
                }
            };
            supervised(&job, &stop, make).await;
        })
    }

    async fn ran(&self, times: u32) {
        while self.runs.load(Ordering::SeqCst) < times {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_panics_is_started_again_until_it_is_told_to_stop() {
    let mortal = Mortal::new();
    let task = mortal.dying(3, Duration::ZERO);
    mortal.ran(4).await;
    let shown = &mortal.board.shown()[0];
    assert_eq!((shown.restarts, shown.alive), (3, true));
    assert_eq!(shown.last_error.as_deref(), Some("it panicked; the log says how"));
    mortal.stop.cancel();
    task.await.unwrap();
    assert_eq!(mortal.runs.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_keeps_dying_is_given_up() {
    let mortal = Mortal::new();
    mortal.dying(u32::MAX, Duration::ZERO).await.unwrap();
    assert_eq!(mortal.runs.load(Ordering::SeqCst), 5);
    assert_eq!(mortal.board.failed_job().await, "the background job test died 5 times within 10 minutes");
    assert!(!mortal.board.shown()[0].alive);
}

#[tokio::test(start_paused = true)]
async fn one_that_dies_now_and_then_is_not_one_that_keeps_dying() {
    let mortal = Mortal::new();
    let task = mortal.dying(20, Duration::from_secs(150));
    mortal.ran(21).await;
    mortal.stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_ends_by_itself_has_died_as_well() {
    let mortal = Mortal::new();
    supervised(&mortal.job, &mortal.stop, || std::future::ready(())).await;
    assert_eq!(mortal.board.shown()[0].last_error.as_deref(), Some("it ended by itself"));
}
