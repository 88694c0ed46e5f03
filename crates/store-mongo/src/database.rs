//! The database's collections, by name, with the concerns that every call of ours has.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bson::RawDocumentBuf;
use mongodb::options::{
    CollectionOptions, DatabaseOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection};

use crate::count_cache::CountCache;
use crate::primary_monitor::PrimaryMonitor;
use crate::stale_transactions::StaleTransactions;

/// Handles to everything that is stored. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    /// The database, with the concerns of [`Database::of`].
    pub db: mongodb::Database,
    /// One document for each session.
    pub sessions: Collection<RawDocumentBuf>,
    /// One document for each task.
    pub tasks: Collection<RawDocumentBuf>,
    /// One document for each machine.
    pub machines: Collection<RawDocumentBuf>,
    /// One document for each API key.
    pub api_keys: Collection<RawDocumentBuf>,
    /// One document for each remembered answer.
    pub answers: Collection<RawDocumentBuf>,
    /// One document for each event.
    pub events: Collection<RawDocumentBuf>,
    /// The detector's note.
    pub watch: Collection<RawDocumentBuf>,
    /// One document for each duty.
    pub leases: Collection<RawDocumentBuf>,
    /// The schema's version, and the next event's position.
    pub meta: Collection<RawDocumentBuf>,
    /// How long the server may work on one call.
    pub call_timeout: Duration,
    /// Tells when whoever leads is lost.
    pub losses: PrimaryMonitor,
    /// Transactions that nobody will go on with.
    pub orphans: Arc<StaleTransactions>,
    /// The large numbers that were counted lately.
    pub totals: Arc<CountCache>,
}

/// How long others may be in the way before it is looked whether they still live.
pub const PATIENCE: Duration = Duration::from_millis(1000);

impl fmt::Debug for Database {
    /// Without the driver's own parts, which know the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.db.name()).finish()
    }
}

/// Acknowledged by a majority, and in its journal: what was answered survives a failover.
pub fn write_concern(timeout: Duration) -> WriteConcern {
    let mut concern = WriteConcern::majority();
    concern.journal = Some(true);
    concern.w_timeout = Some(timeout);
    concern
}

impl Database {
    /// The collections of a database: everything is read from the primary as a majority has it, and written to a majority.
    pub fn of(client: &Client, losses: PrimaryMonitor, database: &str, call_timeout: Duration) -> Self {
        let options = DatabaseOptions::builder()
            .read_concern(ReadConcern::majority())
            .write_concern(write_concern(call_timeout))
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
            .build();
        let db = client.database_with_options(database, options);
        // A collection inherits what its database has.
        let named = |name: &str| db.collection_with_options(name, CollectionOptions::default());
        Self {
            sessions: named("sessions"),
            tasks: named("tasks"),
            machines: named("machines"),
            api_keys: named("api_keys"),
            answers: named("answers"),
            events: named("events"),
            watch: named("watch"),
            leases: named("leases"),
            meta: named("meta"),
            db,
            call_timeout,
            losses,
            orphans: Arc::default(),
            totals: Arc::default(),
        }
    }

    /// Runs a write, at most for as long as a call may take. One that waits for long may wait for a row that a dead process
    /// holds. None: whoever leads was lost meanwhile, or the time is over.
    pub async fn with_failover<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(self.losses.run_until_failover(self.call_timeout, work));
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(PATIENCE) => self.orphans.end(self.db.client()),
            }
        }
    }
}
