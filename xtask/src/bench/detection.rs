//! The detection pass, measured in this process on a store full of live sessions with a manual clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rekindle_core::{Clock, Policy, RandomIds, Store, Timestamp, Tracker};

use super::heartbeats::middle;
use super::seed::Seeded;

/// Long enough that moving the clock forward does not count as a gap.
const THRESHOLD: Duration = Duration::from_hours(24);

/// The numbers of overdue sessions, each with the number of passes to time.
const PLAN: [(u32, u32); 3] = [(0, 21), (100, 11), (10_000, 5)];

/// The times of passes with so many overdue sessions.
pub(super) struct PassRow {
    /// The number of overdue sessions in each pass.
    pub overdue: u32,
    pub passes: u32,
    pub median: Duration,
    /// The fastest and the slowest.
    pub spread: (Duration, Duration),
}

struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Times passes over a store as it was seeded.
pub(super) async fn measure(store: Arc<dyn Store>, seeded: &Seeded) -> Result<Vec<PassRow>> {
    // At this time the oldest heartbeat is exactly at its deadline; each further millisecond makes one more session overdue.
    let clock = Arc::new(HandClock(AtomicI64::new(seeded.earliest.plus(THRESHOLD).millis())));
    let policy = Policy { stall_threshold: THRESHOLD, ..Policy::default() };
    let tracker = Tracker::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(RandomIds), policy);

    let mut rows = Vec::new();
    for (overdue, passes) in PLAN {
        let mut took = Vec::new();
        for _ in 0..passes {
            clock.0.fetch_add(i64::from(overdue), Ordering::SeqCst);
            let began = Instant::now();
            let pass = tracker.detect().await?;
            took.push(began.elapsed());
            if pass.stalled.len() != overdue as usize {
                bail!("a pass marked {} sessions where {overdue} were overdue", pass.stalled.len());
            }
        }
        let median = Duration::from_secs_f64(middle(took.iter().map(Duration::as_secs_f64)));
        let spread = (took.iter().copied().min().unwrap_or_default(), took.iter().copied().max().unwrap_or_default());
        println!("  {overdue:>6} overdue: median {:.2} ms of {passes} passes", median.as_secs_f64() * 1000.0);
        rows.push(PassRow { overdue, passes, median, spread });
    }
    store.close().await;
    Ok(rows)
}
