//! Handles to the collections, with the read and write concerns and the deadlines of every call.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bson::RawDocumentBuf;
use mongodb::options::{
    CollectionOptions, DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection};
use tokio::time::sleep;

use crate::kinds::Kinds;
use crate::primary_monitor::PrimaryMonitor;
use crate::stale_transactions::StaleTransactions;

/// Handles to everything that is stored. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database {
    /// The database, with the concerns of [`Database::of`].
    pub(crate) db: mongodb::Database,
    pub(crate) sessions: Collection<RawDocumentBuf>,
    pub(crate) events: Collection<RawDocumentBuf>,
    /// One document for each lease.
    pub(crate) leases: Collection<RawDocumentBuf>,
    /// The schema's version, and the next event's position.
    pub(crate) meta: Collection<RawDocumentBuf>,
    /// How long the server may work on one call.
    pub(crate) call_timeout: Duration,
    pub(crate) primary_monitor: PrimaryMonitor,
    /// The kinds of records that are stored.
    pub(crate) kinds: Arc<Kinds>,
    pub(crate) stale_transactions: Arc<StaleTransactions>,
}

/// How long a call waits for others before it looks for stale transactions.
pub(crate) const STALE_CHECK_INTERVAL: Duration = Duration::from_millis(1000);

impl fmt::Debug for Database {
    /// Leaves out the driver's own parts, which know the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.db.name()).finish()
    }
}

/// Returns the concern of every write: acknowledged by a majority and journaled, so that it survives a failover.
pub(crate) fn write_concern(timeout: Duration) -> WriteConcern {
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    concern.w_timeout = Some(timeout);
    concern
}

impl Database {
    /// Returns the handles of a database. Reads go to the primary with read concern majority.
    pub(crate) fn of(
        client: &Client,
        primary_monitor: PrimaryMonitor,
        kinds: Arc<Kinds>,
        name: &str,
        call_timeout: Duration,
    ) -> Self {
        let options = DatabaseOptions::builder()
            .read_concern(ReadConcern::majority())
            .write_concern(write_concern(call_timeout))
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        let db = client.database_with_options(name, options);
        // A collection inherits the options of its database.
        let named = |name: &str| db.collection_with_options(name, CollectionOptions::default());
        Self {
            sessions: named("sessions"),
            events: named("events"),
            leases: named("leases"),
            meta: named("meta"),
            db,
            call_timeout,
            primary_monitor,
            kinds,
            stale_transactions: Arc::default(),
        }
    }

    /// Returns the collection of a kind of records.
    pub(crate) fn collection(&self, kind: &str) -> Collection<RawDocumentBuf> {
        self.db.collection_with_options(kind, CollectionOptions::default())
    }

    /// Runs a write within the time of a call. While it waits for long it may wait for a row that a dead process holds:
    /// stale transactions are ended meanwhile. Returns `None` when the primary is lost or the time is over.
    pub(crate) async fn with_failover<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(self.primary_monitor.run_until_failover(self.call_timeout, work));
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep(STALE_CHECK_INTERVAL) => self.stale_transactions.end_all(self.db.client()),
            }
        }
    }
}
