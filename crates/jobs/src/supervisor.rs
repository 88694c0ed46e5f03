//! Supervision: a background job that dies, by a panic or because it ended by itself, is started again, a little later
//! each time. A job that keeps dying ends the process, so that the process manager sees it and starts the process
//! again.

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::backoff::backoff;
use crate::status::JobHandle;

use rekindle_telemetry::millis;

/// A job that died is started again no sooner and no later than this.
const RESTART: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// A job that died so often within this time is given up.
const DEATHS: usize = 5;
const WITHIN: Duration = Duration::from_secs(600);

/// Runs a job in a task of its own, and starts it again when it dies, until it is stopped or given up.
pub(crate) async fn supervised<F>(job: &JobHandle, stop: &CancellationToken, make: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut deaths = VecDeque::new();
    loop {
        let mut task = tokio::spawn(make());
        let ended = tokio::select! {
            () = stop.cancelled() => None,
            ended = &mut task => Some(ended),
        };
        let Some(ended) = ended else {
            task.abort();
            // The task is gone, or about to be: it calls the store no more.
            let _ = task.await;
            return;
        };
        let now = Instant::now();
        deaths.retain(|death| now - *death < WITHIN);
        deaths.push_back(now);
        let cause = ended.err().map(|death| death.to_string());
        let job_name = job.name();
        job.died(if cause.is_some() { "it panicked; the log says how" } else { "it ended by itself" });
        if deaths.len() >= DEATHS {
            let within_s = WITHIN.as_secs();
            error!(job_name, cause, deaths = deaths.len(), within_s, "A background job keeps dying: the process ends");
            let minutes = within_s / 60;
            let why = format!("the background job {job_name} died {DEATHS} times within {minutes} minutes");
            return job.give_up(why);
        }
        let pause = backoff(u32::try_from(deaths.len()).unwrap_or(u32::MAX), RESTART.0, RESTART.1);
        error!(job_name, cause, restart_in_ms = millis(pause), "A background job died");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => job.restarted(),
        }
    }
}

#[cfg(test)]
mod tests;
