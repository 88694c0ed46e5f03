//! Attempts at one transaction until a deadline.

use std::sync::Arc;
use std::time::Duration;

use mongodb::error::UNKNOWN_TRANSACTION_COMMIT_RESULT;
use mongodb::options::{ReadConcern, ReadPreference, SelectionCriteria, TransactionOptions};
use mongodb::{Client, ClientSession};
use rekindle_core::store::{CommitError, StoreError};
use tokio::time::{Instant, sleep};

use super::error::TransactionError;
use crate::backoff::Backoff;
use crate::database::{Database, STALE_CHECK_INTERVAL, write_concern};
use crate::error;
use crate::primary_monitor::PrimaryMonitor;
use crate::stale_transactions::StaleTransactions;

/// The pauses between attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(8), Duration::from_millis(200), 0.75);

/// How long a reply is waited for at least, also past the deadline: an attempt must be ended in order.
const SHORTEST_WAIT: Duration = Duration::from_millis(500);

/// One transaction, attempted until a deadline.
pub(crate) struct Transaction {
    /// The session that every statement belongs to.
    pub(crate) session: ClientSession,
    options: TransactionOptions,
    deadline: Instant,
    attempt: u32,
    client: Client,
    primary_monitor: PrimaryMonitor,
    stale_transactions: Arc<StaleTransactions>,
    /// When a conflict is next taken as the sign of a stale transaction.
    next_stale_check: Instant,
}

impl Transaction {
    /// Prepares a transaction; the server learns of it with the first statement.
    pub(crate) async fn open(database: &Database, deadline: Instant) -> Result<Self, StoreError> {
        let client = database.db.client().clone();
        let session = client.start_session().causal_consistency(false).await;
        let options = TransactionOptions::builder()
            .read_concern(ReadConcern::snapshot())
            // A transaction runs on the primary, whatever the connection string prefers for reads.
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .write_concern(write_concern(database.call_timeout))
            .build();
        Ok(Self {
            session: session.map_err(|error| error::not_written(&error))?,
            options,
            deadline,
            attempt: 0,
            client,
            primary_monitor: database.primary_monitor.clone(),
            stale_transactions: Arc::clone(&database.stale_transactions),
            next_stale_check: Instant::now() + STALE_CHECK_INTERVAL,
        })
    }

    /// Begins an attempt.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        self.attempt += 1;
        let begun = self.session.start_transaction().with_options(self.options.clone()).await;
        begun.map_err(|error| error::not_written(&error))
    }

    /// Commits the attempt. Sends the commit again while its outcome is unknown.
    pub(crate) async fn commit(&mut self) -> Result<(), TransactionError> {
        let mut lost_replies = 0;
        loop {
            let limit = self.remaining();
            let commit = self.session.commit_transaction().into_future();
            let result = self.primary_monitor.run_until_failover(limit, commit).await;
            let Err(error) = result.unwrap_or_else(|| Err(error::primary_lost())) else { return Ok(()) };
            if !error::is_primary_lost(&error) && !error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
                // Once a reply was lost, only the transient label proves that nothing was committed.
                let not_committed = lost_replies == 0 && !error::is_ambiguous(&error);
                return Err(if error::is_transient(&error) || not_committed {
                    TransactionError::Failed(error)
                } else {
                    TransactionError::UnknownOutcome(error)
                });
            }
            lost_replies += 1;
            if !self.pause(lost_replies).await {
                return Err(TransactionError::UnknownOutcome(error));
            }
        }
    }

    /// Ends a failed attempt, so that it locks no row. Returns `Ok` when another attempt may follow.
    pub(crate) async fn resolve(&mut self, error: TransactionError) -> Result<(), CommitError> {
        match error {
            TransactionError::Rejected(error) => {
                self.abort().await;
                Err(error)
            }
            TransactionError::UnknownOutcome(error) => Err(StoreError::Unknown(error::describe(&error)).into()),
            TransactionError::Failed(error) => {
                self.abort().await;
                if error::is_retryable(&error) && self.pause(self.attempt).await {
                    if Instant::now() >= self.next_stale_check {
                        self.next_stale_check = Instant::now() + STALE_CHECK_INTERVAL;
                        self.stale_transactions.end_all(&self.client);
                    }
                    return Ok(());
                }
                Err(error::not_written(&error).into())
            }
        }
    }

    /// Aborts an attempt. A server that cannot be reached aborts it by itself within a minute.
    async fn abort(&mut self) {
        let limit = self.remaining();
        let abort = self.session.abort_transaction().into_future();
        let result = self.primary_monitor.run_until_failover(limit, abort).await;
        if let Err(error) = result.unwrap_or_else(|| Err(error::primary_lost())) {
            tracing::debug!(error = error::describe(&error), "a transaction could not be aborted");
        }
    }

    /// Returns how long the caller still waits, or [`SHORTEST_WAIT`].
    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).max(SHORTEST_WAIT)
    }

    /// Waits before another attempt. Returns false, at once, when the deadline would pass meanwhile.
    async fn pause(&self, attempt: u32) -> bool {
        let pause = BACKOFF.pause(attempt);
        let in_time = Instant::now() + pause < self.deadline;
        if in_time {
            sleep(pause).await;
        }
        in_time
    }
}
