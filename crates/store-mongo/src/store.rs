//! The port, on a database: reads and commits each in a task of its own, heartbeats in batches.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bson::doc;
use rekindle_core::domain::api_key::ApiKey;
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::{Task, TaskStatus};
use rekindle_core::store::{
    AuditFilter, Changes, Claim, CommitError, Committed, DetectorState, EventPosition, Expired, ExpiredCounts, Fence,
    IdempotencyKey, LiveSession, MachineFilter, Page, PageRequest, RecordedEvent, SessionCounts, SessionFilter,
    SessionHeartbeat, StalledSessions, Store, StoreError, StoredResponse, TaskFilter, Versioned,
};
use rekindle_core::values::{MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};
use tokio::time::{Instant, timeout};

use crate::connect::{ConnectError, Connection};
use crate::database::Database;
use crate::events::Backlog;
use crate::executor::CallExecutor;
use crate::heartbeats::{Beats, MachineBeat};
use crate::options::MongoOptions;
use crate::ordered_ids::OrderedIds;
use crate::{commit, error, events, lease, reads};

/// How long a ping waits: whoever asks wants to know whether the store is there now.
const PING: Duration = Duration::from_secs(2);

type Answered<T> = Result<T, StoreError>;

/// A store in a MongoDB database.
#[derive(Debug)]
pub struct MongoStore {
    connection: Arc<Connection>,
    calls: CallExecutor,
    marks: Arc<OrderedIds>,
    sessions: Arc<Beats<SessionHeartbeat>>,
    machines: Arc<Beats<MachineBeat>>,
    backlog: Arc<Backlog>,
}

impl MongoStore {
    /// Opens the store and prepares its database. When the servers do not answer at the moment the store opens all the
    /// same, goes on trying, and is unavailable until they do.
    ///
    /// # Errors
    /// See [`ConnectError`]: what an operator has to change.
    pub async fn connect(options: MongoOptions) -> Result<Self, ConnectError> {
        let connection = Arc::new(Connection::open(&options).await?);
        let wait = options.call_timeout;
        Ok(Self {
            calls: CallExecutor::new(wait),
            marks: Arc::new(OrderedIds::default()),
            backlog: Arc::default(),
            sessions: Arc::new(Beats::new(Arc::clone(&connection), wait, options.watch.clone())),
            machines: Arc::new(Beats::new(Arc::clone(&connection), wait, options.watch.clone())),
            connection,
        })
    }

    /// Asks again when whoever was asked is lost: another leads then.
    async fn read<T, F>(&self, question: impl Fn(Database) -> F) -> Answered<T>
    where
        T: Send + 'static,
        F: Future<Output = reads::ReadResult<T>> + Send + 'static,
    {
        self.calls.open()?;
        let collections = self.connection.ready()?.clone();
        let until = self.deadline();
        loop {
            let (asked, losses) = (question(collections.clone()), collections.losses.clone());
            let limit = collections.call_timeout;
            let answer =
                self.calls.read(until, async move { losses.run_until_failover(limit, asked).await.transpose() });
            if let Some(answer) = answer.await? {
                return Ok(answer);
            }
        }
    }

    /// A write whose outcome is unknown when whoever was asked is lost.
    async fn write<T, F>(&self, question: impl FnOnce(Database) -> F) -> Answered<T>
    where
        T: Send + 'static,
        F: Future<Output = Answered<T>> + Send + 'static,
    {
        self.calls.open()?;
        let collections = self.connection.ready()?.clone();
        let asked = question(collections.clone());
        let lost = || Err(StoreError::Unknown("the server that was asked is lost".to_owned()));
        self.calls.write(async move { collections.with_failover(asked).await.unwrap_or_else(lost) }).await
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.calls.timeout()
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn session(&self, id: SessionId) -> Answered<Option<Versioned<Session>>> {
        self.read(|c| reads::session(c, id)).await
    }

    async fn task(&self, id: TaskId) -> Answered<Option<Versioned<Task>>> {
        self.read(|c| reads::task(c, id)).await
    }

    async fn machine(&self, id: &MachineId) -> Answered<Option<Versioned<Machine>>> {
        self.read(|c| reads::machine(c, id.clone())).await
    }

    async fn tasks_of(&self, session: SessionId, statuses: &[TaskStatus]) -> Answered<Vec<Versioned<Task>>> {
        self.read(|c| reads::tasks_of(c, session, statuses.to_vec())).await
    }

    async fn active_session(&self, project: &ProjectId, machine: &MachineId) -> Answered<Option<SessionId>> {
        self.read(|c| reads::active_session(c, project.clone(), machine.clone())).await
    }

    async fn slot_holder(&self, machine: &MachineId, slot: Slot) -> Answered<Option<SessionId>> {
        self.read(|c| reads::slot_holder(c, machine.clone(), slot)).await
    }

    async fn live_sessions(&self, machines: &[MachineId]) -> Answered<Vec<LiveSession>> {
        self.read(|c| reads::live_sessions(c, machines.to_vec())).await
    }

    async fn sessions(&self, filter: &SessionFilter, page: PageRequest) -> Answered<Page<Session>> {
        self.read(|c| reads::sessions(c, filter.clone(), page)).await
    }

    async fn tasks(&self, filter: &TaskFilter, page: PageRequest) -> Answered<Page<Task>> {
        self.read(|c| reads::tasks(c, filter.clone(), page)).await
    }

    async fn machines(&self, filter: &MachineFilter, page: PageRequest) -> Answered<Page<Machine>> {
        self.read(|c| reads::machines(c, filter.clone(), page)).await
    }

    async fn counts(&self) -> Answered<SessionCounts> {
        self.read(reads::counts).await
    }

    async fn stalled_sessions(&self, heard_before: Timestamp, limit: u32) -> Answered<StalledSessions> {
        self.read(|c| reads::silent_sessions(c, heard_before, limit)).await
    }

    async fn overdue_sessions(&self, heard_before: Timestamp, limit: u32) -> Answered<Vec<Versioned<Session>>> {
        self.read(|c| reads::overdue_sessions(c, heard_before, limit)).await
    }

    async fn overdue_machines(&self, heard_before: Timestamp, limit: u32) -> Answered<Vec<Versioned<Machine>>> {
        self.read(|c| reads::overdue_machines(c, heard_before, limit)).await
    }

    async fn earliest_heartbeat(&self) -> Answered<Option<Timestamp>> {
        self.read(reads::earliest_heartbeat).await
    }

    async fn detector_state(&self) -> Answered<Option<DetectorState>> {
        self.read(reads::watch).await
    }

    async fn expired(&self, ended_by: Timestamp, limit: u32) -> Answered<Vec<Expired>> {
        self.read(|c| reads::expired(c, ended_by, limit)).await
    }

    async fn expired_counts(&self, ended_by: Timestamp) -> Answered<ExpiredCounts> {
        self.read(|c| reads::expired_counts(c, ended_by)).await
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Answered<Vec<RecordedEvent>> {
        let after = after.map_or(Ok(0), events::number)?;
        let deadline = self.deadline();
        self.read(|c| events::after(c, after, limit, deadline)).await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Answered<Vec<RecordedEvent>> {
        let before = before.map(events::number).transpose()?;
        let deadline = self.deadline();
        self.read(|c| events::trail(c, filter.clone(), before, limit, deadline)).await
    }

    async fn keys(&self) -> Answered<Vec<Versioned<ApiKey>>> {
        self.read(reads::keys).await
    }

    async fn stored_response(&self, key: &IdempotencyKey, now: Timestamp) -> Answered<Option<StoredResponse>> {
        self.read(|c| reads::remembered(c, *key, now)).await
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.calls.open()?;
        let ready = self.connection.ready()?;
        let (collections, marks, deadline) = (ready.clone(), Arc::clone(&self.marks), self.deadline());
        let events = changes.events.len();
        let apply = async move { commit::apply(&collections, &marks, &changes, deadline).await };
        let committed = self.calls.write(apply).await?;
        if let Some(turn) = self.backlog.record_committed(events) {
            let (collections, deadline) = (ready.clone(), self.deadline());
            self.calls.beside(async move { turn.assign_pending(&collections, deadline).await });
        }
        Ok(committed)
    }

    async fn record_heartbeat(&self, beat: SessionHeartbeat) -> Answered<Option<Versioned<Session>>> {
        self.sessions.beat(beat).await
    }

    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> Answered<Option<Versioned<Machine>>> {
        self.machines.beat(MachineBeat { machine: machine.clone(), at }).await
    }

    async fn claim(&self, claim: Claim) -> Answered<Option<Fence>> {
        self.write(|c| lease::claim(c, claim)).await
    }

    async fn release(&self, fence: Fence) -> Answered<()> {
        self.write(|c| lease::release(c, fence)).await
    }

    async fn ping(&self) -> Answered<()> {
        match timeout(PING, self.write(touch_schema)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(busy @ StoreError::Overloaded(_))) => Err(busy),
            // Whether this one write took place is nobody's concern.
            Ok(Err(error)) => Err(StoreError::Unavailable(error.to_string())),
            Err(_) => Err(StoreError::Unavailable(format!("no answer within {PING:?}"))),
        }
    }

    async fn close(&self) {
        self.backlog.close();
        let finished = async { tokio::join!(self.calls.close(), self.sessions.close(), self.machines.close()) };
        // Whoever asked has long been told by then; what a server never answers must not keep a process from ending.
        if timeout(self.calls.timeout() * 2, finished).await.is_err() {
            tracing::warn!("calls without an answer were left when the store was closed");
        }
        self.connection.close().await;
    }
}

/// A write that changes nothing but proves that a majority takes writes.
async fn touch_schema(collections: Database) -> Answered<()> {
    let touch = doc! { "$currentDate": { "pinged_at": true } };
    let touched = collections.meta.update_one(doc! { "_id": "schema" }, touch).await;
    touched.map(|_| ()).map_err(|error| error::write_failed(&error))
}
