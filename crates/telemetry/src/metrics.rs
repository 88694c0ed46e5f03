//! Metrics: counters that methods raise as things happen, and gauges that are read for each scrape. Cheap to clone; all
//! clones count for the same server.

mod endpoint;
mod exposition;
mod gauges;
mod names;
mod process;
mod registry;
mod requests;
mod store;

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Histogram};
use rekindle_core::domain::event::{Event, EventKind};
use rekindle_core::store::{BatchObserver, BatchObserverHandle};
use rekindle_core::use_cases::{DetectionReport, Observer, Recovered};
use rekindle_core::{Error, Store, Timestamp};
use rekindle_layers::{CircuitBreaker, CircuitState, Observation, StoreObserver};

use self::exposition::Page;
use self::gauges::Gauges;
use self::names as of;
pub use self::names::{Kind, METRICS, Metric};
use self::registry::Registry;
pub use self::requests::RequestInFlight;
use self::requests::Requests;
use self::store::StoreCalls;

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateClass {
    /// Requests with one key.
    Requests,
    /// Heartbeats with one key.
    Heartbeats,
    /// Wrong keys from one address.
    AuthFailures,
}

/// The metrics of one server.
#[derive(Clone)]
pub struct Metrics(Arc<Shared>);

struct Shared {
    registry: Arc<Registry>,
    requests: Arc<Requests>,
    store: StoreCalls,
    gauges: Gauges,
    stalled: Counter,
    stalls_undone: Counter,
    detection_delay: Histogram,
    recovery_delay: Histogram,
    /// Done now, done before, refused.
    recoveries: [Counter; 3],
    /// In the order of [`RateClass`].
    rate_limited: [Counter; 3],
}

impl Metrics {
    /// Nothing counted yet, for requests to these routes, in the order in which they are matched. Refusals for these
    /// reasons are shown from the start.
    pub fn new(routes: impl IntoIterator<Item = &'static str>, auth_failures: &[&str]) -> Self {
        let registry = Arc::new(Registry::new());
        for reason in auth_failures {
            drop(registry.counter(&of::AUTH_FAILURES, &[reason]));
        }
        Self(Arc::new(Shared {
            requests: Arc::new(Requests::new(&registry, routes)),
            store: StoreCalls::new(&registry),
            gauges: Gauges::default(),
            stalled: registry.counter(&of::STALLED, &[]),
            stalls_undone: registry.counter(&of::STALLS_UNDONE, &[]),
            detection_delay: registry.histogram(&of::DETECTION_DELAY, &[]),
            recovery_delay: registry.histogram(&of::RECOVERY_DELAY, &[]),
            recoveries: ["now", "before", "refused"].map(|outcome| registry.counter(&of::RECOVERIES, &[outcome])),
            rate_limited: ["requests", "heartbeats", "auth_failures"]
                .map(|class| registry.counter(&of::RATE_LIMITED, &[class])),
            registry,
        }))
    }

    /// For a store's options: it tells of its batches.
    pub fn batch_watch(&self) -> BatchObserverHandle {
        BatchObserverHandle::by(Arc::new(self.clone()))
    }

    /// A request of this method for this path has come, and is in flight until what this returns is dropped.
    pub fn request(&self, method: &str, path: &str) -> RequestInFlight {
        RequestInFlight::begin(&self.0.requests, method, path)
    }

    /// A request was refused since there were too many.
    pub fn rate_limited(&self, class: RateClass) {
        self.0.rate_limited[class as usize].increment(1);
    }

    /// A request was not let in: for its key, or for what that key may do. The reason is the error's code.
    pub fn auth_failed(&self, reason: &'static str) {
        self.0.registry.counter(&of::AUTH_FAILURES, &[reason]).increment(1);
    }

    /// Entries of the audit trail were lost.
    pub fn audit_entries_dropped(&self, entries: u64) {
        self.0.registry.counter(&of::AUDIT_DROPPED, &[]).increment(entries);
    }

    /// Counts a detection pass, by a job or by a request.
    pub fn detected(&self, pass: &DetectionReport) {
        for session in &pass.stalled {
            self.0.detection_delay.record(session.late_by);
        }
    }

    /// Counts a recovery. One that failed because of the store is not counted.
    pub fn recovery(&self, outcome: &Result<Recovered, Error>) {
        let [now, before, refused] = &self.0.recoveries;
        match outcome {
            Ok(Recovered::Created(_)) => now.increment(1),
            Ok(Recovered::AlreadyRecovered(_)) => before.increment(1),
            Err(Error::Rejected(_)) => refused.increment(1),
            Err(_) => {}
        }
    }

    /// The counters and the histogram of a background job.
    pub fn of_job(&self, name: &'static str) -> JobMetrics {
        let runs = ["ok", "failed", "died"].map(|outcome| self.0.registry.counter(&of::JOB_RUNS, &[name, outcome]));
        JobMetrics { runs, took: self.0.registry.histogram(&of::JOB_DURATION, &[name]) }
    }

    /// Sorts the recorded values of histograms into their buckets: until then each value takes memory.
    pub fn run_upkeep(&self) {
        self.0.registry.tidy();
    }

    /// The page, in Prometheus' text format 0.0.4. `last_successes` are those of background jobs, by name.
    pub async fn page(
        &self,
        store: &dyn Store,
        circuit: Option<&CircuitBreaker>,
        last_successes: &[(&'static str, Timestamp)],
    ) -> String {
        let mut page = Page::after(self.0.registry.render());
        #[expect(clippy::cast_precision_loss, reason = "as many lines are never lost")]
        page.one(&of::LOG_LINES_DROPPED, Some(crate::logging::lines_lost() as f64));
        self.0.gauges.add_to(&mut page, store).await;
        if let Some(circuit) = circuit {
            let state = circuit.snapshot().state;
            let states = [CircuitState::Closed, CircuitState::Open, CircuitState::HalfOpen];
            let shown = states.map(|one| ([one.as_str()], if one == state { 1.0 } else { 0.0 }));
            page.add(&of::CIRCUIT_STATE, shown.iter().map(|(labels, value)| (&labels[..], *value)));
            #[expect(clippy::cast_precision_loss, reason = "it does not open that often")]
            page.one(&of::CIRCUIT_OPENED, Some(circuit.opened() as f64));
        }
        let successes = last_successes.iter().map(|(name, at)| ([*name], at));
        #[expect(clippy::cast_precision_loss, reason = "milliseconds are exact for the next 285,000 years")]
        let successes: Vec<_> = successes.map(|(labels, at)| (labels, at.millis() as f64 / 1000.0)).collect();
        page.add(&of::JOB_LAST_SUCCESS, successes.iter().map(|(labels, at)| (&labels[..], *at)));
        page.add(&of::BUILD_INFO, [(&[env!("CARGO_PKG_VERSION")][..], 1.0)]);
        process::add_to(&mut page);
        page.done()
    }
}

/// What is counted of one background job.
pub struct JobMetrics {
    /// Ok, failed, died.
    runs: [Counter; 3],
    took: Histogram,
}

impl JobMetrics {
    /// A pass ended well.
    pub fn done(&self, took: Duration) {
        self.runs[0].increment(1);
        self.took.record(took);
    }

    /// A pass failed.
    pub fn failed(&self, took: Duration) {
        self.runs[1].increment(1);
        self.took.record(took);
    }

    /// The job died.
    pub fn died(&self) {
        self.runs[2].increment(1);
    }
}

impl StoreObserver for Metrics {
    fn observed(&self, observation: Observation) {
        self.0.store.observed(&self.0.registry, observation);
    }
}

impl BatchObserver for Metrics {
    fn batch(&self, size: usize, waited: Duration) {
        self.0.store.batch(size, waited);
    }
}

impl Observer for Metrics {
    fn committed(&self, events: &[Event]) {
        for event in events {
            if event.kind == EventKind::SessionStalled {
                self.0.stalled.increment(1);
            } else if event.kind == EventKind::SessionRevived {
                self.0.stalls_undone.increment(1);
            }
        }
    }

    fn recovered(&self, after: Duration) {
        self.0.recovery_delay.record(after);
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}
