//! What became of the background jobs of this process: when they last ran, how often they failed and died. For the service's
//! health and for metrics; and the place where a job that cannot be kept alive is reported.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rekindle_core::Timestamp;
use tokio::sync::watch;

use rekindle_telemetry::metrics::{JobMetrics, Metrics};

/// All jobs of a process. Cheap to clone.
#[derive(Clone)]
pub struct JobRegistry {
    metrics: Metrics,
    jobs: Arc<Mutex<Vec<JobHandle>>>,
    given_up: Arc<watch::Sender<Option<String>>>,
}

/// One of them. Cheap to clone.
#[derive(Clone)]
pub struct JobHandle {
    name: &'static str,
    metrics: Arc<JobMetrics>,
    state: Arc<Mutex<State>>,
    given_up: Arc<watch::Sender<Option<String>>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    last_run: Option<Timestamp>,
    last_success: Option<Timestamp>,
    failures: u32,
    restarts: u32,
    is_dead: bool,
    last_error: Option<String>,
}

/// A job as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStatus {
    /// Its name.
    pub name: &'static str,
    /// When its last pass ended, well or not.
    pub last_run: Option<Timestamp>,
    /// When a pass last ended well.
    pub last_success: Option<Timestamp>,
    /// How many passes failed since then.
    pub failures: u32,
    /// How often it was started again.
    pub restarts: u32,
    /// False between its death and its next start.
    pub alive: bool,
    /// What went wrong last, in words that may be shown.
    pub last_error: Option<String>,
}

impl JobRegistry {
    /// No jobs yet.
    pub fn new(metrics: &Metrics) -> Self {
        let given_up = Arc::new(watch::Sender::new(None));
        Self { metrics: metrics.clone(), jobs: Arc::default(), given_up }
    }

    /// A job of this name, which is on the board from now on.
    pub fn job(&self, name: &'static str) -> JobHandle {
        let metrics = Arc::new(self.metrics.of_job(name));
        let job = JobHandle { name, metrics, state: Arc::default(), given_up: Arc::clone(&self.given_up) };
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).push(job.clone());
        job
    }

    /// All of them, in the order in which they came.
    pub fn shown(&self) -> Vec<JobStatus> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).iter().map(JobHandle::shown).collect()
    }

    /// Waits until a job is given up: it keeps dying, and this says which and why. Then the process must end.
    pub async fn failed_job(&self) -> String {
        let mut given_up = self.given_up.subscribe();
        let why = given_up.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        // Its sender is here, and says why.
        why.unwrap_or_default()
    }
}

impl JobHandle {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A pass ended well.
    pub fn done(&self, now: Timestamp, took: Duration) {
        self.metrics.done(took);
        let mut state = self.state();
        (state.last_run, state.last_success, state.failures) = (Some(now), Some(now), 0);
    }

    /// A pass failed, for a reason that may be shown.
    pub fn failed(&self, now: Timestamp, took: Duration, why: String) {
        self.metrics.failed(took);
        let mut state = self.state();
        state.last_run = Some(now);
        state.failures = state.failures.saturating_add(1);
        state.last_error = Some(why);
    }

    /// It died.
    pub(crate) fn died(&self, why: &str) {
        self.metrics.died();
        let mut state = self.state();
        state.is_dead = true;
        state.last_error = Some(why.to_owned());
    }

    /// It was started again.
    pub(crate) fn restarted(&self) {
        let mut state = self.state();
        state.is_dead = false;
        state.restarts = state.restarts.saturating_add(1);
    }

    /// It will not be started again.
    pub(crate) fn give_up(&self, why: String) {
        self.given_up.send_replace(Some(why));
    }

    fn shown(&self) -> JobStatus {
        let State { last_run, last_success, failures, restarts, is_dead, last_error } = self.state().clone();
        JobStatus { name: self.name, last_run, last_success, failures, restarts, alive: !is_dead, last_error }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
