//! Runs the jobs of a process until it is stopped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle_core::{Error, Timestamp, Tracker};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::job::{Job, NextPass, PassError};
use crate::leader_election::{LeaderElection, LeaseTiming};
use crate::status::{JobHandle, JobRegistry};
use crate::supervisor::supervised;

/// The clock may be set while a job sleeps: a job reads the clock at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The jobs of one process.
pub struct Scheduler {
    tracker: Tracker,
    registry: JobRegistry,
    describe: fn(Error) -> String,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// What a job is run with.
#[derive(Clone)]
struct Run {
    job: Arc<dyn Job>,
    handle: JobHandle,
    describe: fn(Error) -> String,
    started: Timestamp,
}

impl Scheduler {
    /// A scheduler without jobs so far. `describe` returns what may be shown of a use case's failure.
    pub fn new(tracker: Tracker, registry: JobRegistry, describe: fn(Error) -> String) -> Self {
        Self { tracker, registry, describe, stop: CancellationToken::new(), tasks: Vec::new() }
    }

    /// Runs a job from now on, in a task of its own.
    pub fn start(&mut self, job: impl Job) {
        let handle = self.registry.job(job.name());
        let run = Run { job: Arc::new(job), handle, describe: self.describe, started: self.tracker.now() };
        self.tasks.push(tokio::spawn(run.until_stopped(self.tracker.clone(), self.stop.clone())));
    }

    /// Stops all jobs; leases are given back.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            // A job that died has said so in the log.
            let _ = task.await;
        }
    }
}

impl Run {
    async fn until_stopped(self, tracker: Tracker, stop: CancellationToken) {
        let Some(lease) = self.job.lease() else {
            return supervised(&self.handle, &stop, || self.clone().passes(tracker.clone())).await;
        };
        let election = LeaderElection::new(tracker, self.job.name(), lease, LeaseTiming::DEFAULT);
        let make = || {
            let (election, run) = (election.clone(), self.clone());
            async move { election.run_while_leader(|tracker| run.clone().passes(tracker)).await }
        };
        supervised(&self.handle, &stop, make).await;
        election.release().await;
    }

    /// Makes pass after pass. Ends when another process took over.
    async fn passes(self, tracker: Tracker) {
        let Self { job, handle, describe, started } = self;
        let mut next = job.first(started, tracker.now());
        let mut failures = 0;
        loop {
            let due = wait(next, &tracker).await;
            let began = Instant::now();
            next = match job.run(&tracker, due).await {
                Ok(next) => {
                    handle.done(tracker.now(), began.elapsed());
                    failures = 0;
                    next
                }
                Err(PassError::UseCase(Error::Fenced)) => return,
                Err(failure) => {
                    let why = match failure {
                        PassError::UseCase(error) => describe(error),
                        PassError::Other(why) => why,
                    };
                    handle.failed(tracker.now(), began.elapsed(), why);
                    failures += 1;
                    job.after_failure(failures, &tracker)
                }
            };
        }
    }
}

/// Waits until a pass is due, and returns when it was.
async fn wait(next: NextPass, tracker: &Tracker) -> Timestamp {
    match next {
        NextPass::After(pause) => {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            tracker.now()
        }
        NextPass::At(at) => loop {
            let now = tracker.now();
            if now >= at {
                return at;
            }
            tokio::time::sleep(at.since(now).min(LONGEST_SLEEP)).await;
        },
        NextPass::Never => std::future::pending().await,
    }
}
