//! The port on a MongoDB database: reads and commits run each in a task of its own, heartbeats in batches.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bson::doc;
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::store::{
    AuditFilter, Changes, Claim, CommitError, Committed, EventPosition, Fence, Found, Query, RecordedEvent,
    SessionHeartbeat, Store, StoreError, Versioned,
};
use rekindle_core::values::{MachineId, Timestamp};
use tokio::time::{Instant, timeout};

use crate::connect::Connection;
use crate::connect_error::ConnectError;
use crate::count_cache::CountCache;
use crate::database::Database;
use crate::error::{self, ReadResult};
use crate::events::position_assigner::PositionAssigner;
use crate::executor::CallExecutor;
use crate::heartbeats::{HeartbeatQueue, MachineHeartbeat};
use crate::options::MongoOptions;
use crate::ordered_ids::OrderedIds;
use crate::{commit, events, find, lease};

/// How long a ping waits for the store.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

type StoreResult<T> = Result<T, StoreError>;

/// A store in a MongoDB database.
#[derive(Debug)]
pub struct MongoStore {
    connection: Arc<Connection>,
    executor: CallExecutor,
    ordered_ids: Arc<OrderedIds>,
    session_heartbeats: Arc<HeartbeatQueue<SessionHeartbeat>>,
    machine_heartbeats: Arc<HeartbeatQueue<MachineHeartbeat>>,
    position_assigner: Arc<PositionAssigner>,
    count_cache: Arc<CountCache>,
}

impl MongoStore {
    /// Opens the store and prepares its database. When the servers do not answer, the store opens all the same, retries
    /// in the background, and is unavailable until they do.
    ///
    /// # Errors
    /// See [`ConnectError`]: what an operator has to change.
    pub async fn connect(options: MongoOptions) -> Result<Self, ConnectError> {
        let connection = Arc::new(Connection::open(&options).await?);
        let timeout = options.call_timeout;
        let observer = || options.watch.clone();
        Ok(Self {
            executor: CallExecutor::new(timeout),
            ordered_ids: Arc::new(OrderedIds::default()),
            session_heartbeats: Arc::new(HeartbeatQueue::new(Arc::clone(&connection), timeout, observer())),
            machine_heartbeats: Arc::new(HeartbeatQueue::new(Arc::clone(&connection), timeout, observer())),
            position_assigner: Arc::default(),
            count_cache: Arc::default(),
            connection,
        })
    }

    /// Runs a read, and repeats it when the primary is lost.
    async fn run_read<T, F>(&self, read: impl Fn(Database) -> F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Future<Output = ReadResult<T>> + Send + 'static,
    {
        self.executor.ensure_open()?;
        let database = self.connection.ready()?.clone();
        let deadline = self.deadline();
        loop {
            let (attempt, primary_monitor) = (read(database.clone()), database.primary_monitor.clone());
            let limit = database.call_timeout;
            let attempt = async move { primary_monitor.run_until_failover(limit, attempt).await.transpose() };
            if let Some(result) = self.executor.read(deadline, attempt).await? {
                return Ok(result);
            }
        }
    }

    /// Runs a write. Its outcome is unknown when the primary is lost.
    async fn run_write<T, F>(&self, write: impl FnOnce(Database) -> F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Future<Output = StoreResult<T>> + Send + 'static,
    {
        self.executor.ensure_open()?;
        let database = self.connection.ready()?.clone();
        let work = write(database.clone());
        let primary_lost = || Err(StoreError::Unknown(error::PRIMARY_LOST.to_owned()));
        self.executor.write(async move { database.with_failover(work).await.unwrap_or_else(primary_lost) }).await
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.executor.timeout()
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn find(&self, query: &Query) -> StoreResult<Found> {
        self.run_read(|database| {
            let (cache, query) = (Arc::clone(&self.count_cache), query.clone());
            async move { find::find(&database, &database.kinds, &cache, &query).await }
        })
        .await
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> StoreResult<Vec<RecordedEvent>> {
        let after = after.map_or(Ok(0), events::position_number)?;
        let deadline = self.deadline();
        self.run_read(|database| events::after(database, after, limit, deadline)).await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> StoreResult<Vec<RecordedEvent>> {
        let before = before.map(events::position_number).transpose()?;
        let deadline = self.deadline();
        self.run_read(|database| events::audit_log(database, filter.clone(), before, limit, deadline)).await
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.executor.ensure_open()?;
        let ready = self.connection.ready()?;
        let (database, ordered_ids, deadline) = (ready.clone(), Arc::clone(&self.ordered_ids), self.deadline());
        let events = changes.events.len();
        let apply = async move { commit::apply(&database, &ordered_ids, &changes, deadline).await };
        let committed = self.executor.write(apply).await?;
        if let Some(guard) = self.position_assigner.record_committed(events) {
            let (database, deadline) = (ready.clone(), self.deadline());
            self.executor.spawn_background(async move { guard.assign_pending(&database, deadline).await });
        }
        Ok(committed)
    }

    async fn record_heartbeat(&self, heartbeat: SessionHeartbeat) -> StoreResult<Option<Versioned<Session>>> {
        self.session_heartbeats.record(heartbeat).await
    }

    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> StoreResult<Option<Versioned<Machine>>> {
        self.machine_heartbeats.record(MachineHeartbeat { machine: machine.clone(), at }).await
    }

    async fn claim(&self, claim: Claim) -> StoreResult<Option<Fence>> {
        self.run_write(|database| lease::claim(database, claim)).await
    }

    async fn release(&self, fence: Fence) -> StoreResult<()> {
        self.run_write(|database| lease::release(database, fence)).await
    }

    async fn ping(&self) -> StoreResult<()> {
        match timeout(PING_TIMEOUT, self.run_write(touch_schema)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(busy @ StoreError::Overloaded(_))) => Err(busy),
            // Whether this write happened does not matter.
            Ok(Err(error)) => Err(StoreError::Unavailable(error.to_string())),
            Err(_) => Err(StoreError::Unavailable(format!("no answer within {PING_TIMEOUT:?}"))),
        }
    }

    async fn close(&self) {
        self.position_assigner.close();
        let finished = async {
            tokio::join!(self.executor.close(), self.session_heartbeats.close(), self.machine_heartbeats.close())
        };
        // The callers have timed out by then; a server that never replies must not keep a process from ending.
        if timeout(self.executor.timeout() * 2, finished).await.is_err() {
            tracing::warn!("calls without an answer were left when the store was closed");
        }
        self.connection.close().await;
    }
}

/// Writes a timestamp that is never read: it shows that a majority accepts writes.
async fn touch_schema(database: Database) -> StoreResult<()> {
    let touch = doc! { "$currentDate": { "pinged_at": true } };
    let touched = database.meta.update_one(doc! { "_id": "schema" }, touch).await;
    touched.map(|_| ()).map_err(|error| error::write_error(&error))
}
