//! Detection: marks silent sessions and machines, by the deadlines that the use case finds.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rekindle_core::store::LeaseName;
use rekindle_core::{Error, Timestamp, Tracker};
use rekindle_telemetry::metrics::Metrics;
use rekindle_telemetry::{DETECTOR, log_pass};
use tracing::warn;

use crate::backoff::{LONGEST_BACKOFF, backoff};
use crate::job::{Job, NextPass, PassError};

/// No pass follows another faster, whatever the deadlines say.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// The detector of one process.
#[derive(Debug)]
pub struct DetectionJob {
    metrics: Metrics,
}

impl DetectionJob {
    /// A detector that counts what it finds in these metrics.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

/// At most one interval: a session that is heard for the first time after a pass cannot fall due sooner.
fn within_interval(pause: Duration, tracker: &Tracker) -> NextPass {
    let interval = tracker.policy().detect_interval;
    NextPass::After(pause.clamp(LEAST_PAUSE, interval.max(LEAST_PAUSE)))
}

#[async_trait]
impl Job for DetectionJob {
    fn name(&self) -> &'static str {
        DETECTOR
    }

    fn lease(&self) -> Option<LeaseName> {
        Some(LeaseName::Detection)
    }

    fn first(&self, _: Timestamp, _: Timestamp) -> NextPass {
        NextPass::After(Duration::ZERO)
    }

    async fn run(&self, tracker: &Tracker, _: Timestamp) -> Result<NextPass, PassError> {
        let began = Instant::now();
        let pass = tracker.detect().await.inspect_err(|failure| {
            if !matches!(failure, Error::Fenced) {
                warn!(job_name = DETECTOR, cause = %failure, "A detection pass failed; it is tried again");
            }
        })?;
        self.metrics.detected(&pass);
        log_pass(&pass, began.elapsed());
        Ok(within_interval(pass.next_pass_at.since(tracker.now()), tracker))
    }

    fn after_failure(&self, failures: u32, tracker: &Tracker) -> NextPass {
        let most = LONGEST_BACKOFF.min(tracker.policy().detect_interval);
        within_interval(backoff(failures, Duration::from_millis(100), most), tracker)
    }
}
