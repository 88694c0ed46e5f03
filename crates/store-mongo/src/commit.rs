//! Commits. One statement is whole by itself; anything else runs in one transaction, which is tried again while others
//! get in its way and the caller still waits.

mod orphaned_events;
mod plan;
mod run;
mod single_statement;

use std::sync::Arc;
use std::time::Duration;

use mongodb::error::{Error, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria, TransactionOptions};
use mongodb::{Client, ClientSession};
use plan::Plan;
use rekindle_core::store::{Changes, CommitError, Committed, EVENT_PURGE_BATCH, StoreError};
pub use run::count;
use tokio::time::{Instant, sleep};

use crate::database::{Database, PATIENCE, write_concern};
use crate::error;
use crate::ordered_ids::OrderedIds;
use crate::primary_monitor::PrimaryMonitor;
use crate::stale_transactions::StaleTransactions;

/// Applies all of the changes, or none, and tries until the deadline.
pub async fn apply(
    collections: &Database,
    marks: &OrderedIds,
    changes: &Changes,
    deadline: Instant,
) -> Result<Committed, CommitError> {
    let plan = Plan::of(changes, marks)?;
    if let Some(batch) = plan.single() {
        return single_statement::run(collections, batch).await.map(|()| Committed::default());
    }
    if plan.steps.is_empty() {
        return Ok(Committed::default());
    }
    let mut transaction = Transaction::open(collections, deadline).await?;
    loop {
        transaction.begin().await?;
        let failure = match run::steps(collections, &mut transaction.session, &plan).await {
            Ok(committed) => match transaction.commit().await {
                Ok(()) => {
                    let last = changes.purge_events_before.is_some() && committed.purged_events < EVENT_PURGE_BATCH;
                    if last {
                        // Beside: the caller has what was asked for.
                        tokio::spawn(orphaned_events::run(collections.clone()));
                    }
                    return Ok(committed);
                }
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        transaction.resolve(failure).await?;
    }
}

/// How long an answer is waited for at least, to put things in order.
const SHORTEST: Duration = Duration::from_millis(500);

/// How an attempt at a transaction fails.
#[derive(Debug)]
pub enum Failure {
    /// Nothing was written, and trying again would not help.
    Refused(CommitError),
    /// The server or the way to it failed before the transaction was committed.
    Broken(Error),
    /// Nobody knows whether it was committed.
    Unknown(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// Attempts at one transaction until a deadline.
pub struct Transaction {
    /// Every statement names it.
    pub session: ClientSession,
    options: TransactionOptions,
    deadline: Instant,
    attempt: u32,
    client: Client,
    losses: PrimaryMonitor,
    orphans: Arc<StaleTransactions>,
    /// When to look whether it is an orphan that stands in the way.
    look_at: Instant,
}

impl Transaction {
    /// Prepares one; the server hears of it with the first statement.
    pub async fn open(collections: &Database, deadline: Instant) -> Result<Self, StoreError> {
        let client = collections.db.client();
        let session = client.start_session().causal_consistency(false).await;
        let options = TransactionOptions::builder()
            .read_concern(ReadConcern::snapshot())
            // Whatever the connection string prefers for reads: a transaction runs on the primary.
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .write_concern(write_concern(collections.call_timeout))
            .build();
        let session = session.map_err(|error| error::nothing_written(&error))?;
        let (client, losses, look_at) = (client.clone(), collections.losses.clone(), Instant::now() + PATIENCE);
        let orphans = Arc::clone(&collections.orphans);
        Ok(Self { session, options, deadline, attempt: 0, client, losses, orphans, look_at })
    }

    /// Begins an attempt.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        self.attempt += 1;
        let begun = self.session.start_transaction().with_options(self.options.clone()).await;
        begun.map_err(|error| error::nothing_written(&error))
    }

    /// Commits; asks again as long as the answer is not heard.
    pub async fn commit(&mut self) -> Result<(), Failure> {
        let mut asked = 0;
        loop {
            let told =
                self.losses.run_until_failover(self.left(), self.session.commit_transaction().into_future()).await;
            match told.unwrap_or_else(|| Err(lost())) {
                Ok(()) => return Ok(()),
                Err(error) if error::is_loss(&error) => {
                    asked += 1;
                    if !self.pause(asked).await {
                        return Err(Failure::Unknown(error));
                    }
                }
                Err(error) if !error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {
                    // Once an answer was not heard, only the server's own word proves that nothing was committed.
                    let proven = asked == 0 && !error::is_ambiguous(&error);
                    return Err(if error::is_transient(&error) || proven {
                        Failure::Broken(error)
                    } else {
                        Failure::Unknown(error)
                    });
                }
                Err(error) => {
                    asked += 1;
                    if !self.pause(asked).await {
                        return Err(Failure::Unknown(error));
                    }
                }
            }
        }
    }

    /// Puts an end to a failed attempt, so that it holds no row. Ok: try again.
    pub async fn resolve(&mut self, failure: Failure) -> Result<(), CommitError> {
        match failure {
            Failure::Refused(error) => {
                self.abort().await;
                Err(error)
            }
            Failure::Unknown(error) => Err(StoreError::Unknown(error::describe(&error)).into()),
            Failure::Broken(error) => {
                self.abort().await;
                if error::is_retryable(&error) && self.pause(self.attempt).await {
                    if Instant::now() >= self.look_at {
                        self.look_at = Instant::now() + PATIENCE;
                        self.orphans.end(&self.client);
                    }
                    return Ok(());
                }
                Err(error::nothing_written(&error).into())
            }
        }
    }

    /// Ends an attempt that wrote nothing.
    pub async fn abort(&mut self) {
        // What cannot be reached is aborted by the server itself, a minute later at most.
        let told = self.losses.run_until_failover(self.left(), self.session.abort_transaction().into_future()).await;
        if let Err(error) = told.unwrap_or_else(|| Err(lost())) {
            tracing::debug!(error = error::describe(&error), "a transaction could not be aborted");
        }
    }

    /// How long the caller still waits.
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).max(SHORTEST)
    }

    /// Waits a little, at random and longer each time. False: the deadline is near, stop trying.
    async fn pause(&self, attempt: u32) -> bool {
        let pause = backoff(attempt);
        let goes_on = Instant::now() + pause < self.deadline;
        if goes_on {
            sleep(pause).await;
        }
        goes_on
    }
}

/// What is said of a call that was given up.
pub fn lost() -> Error {
    std::io::Error::new(std::io::ErrorKind::ConnectionAborted, error::LOST).into()
}

/// How long to wait before the next attempt: up to 4 ms after the first, up to 200 ms after many.
fn backoff(attempt: u32) -> Duration {
    let longest = 4_000_u64.saturating_mul(1 << attempt.min(10)).min(200_000);
    Duration::from_micros(fastrand::u64(longest / 4..=longest))
}
