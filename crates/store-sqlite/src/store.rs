//! The port, on the writer and the readers.

use async_trait::async_trait;
use rekindle_core::access::ApiKey;
use rekindle_core::machine::Machine;
use rekindle_core::session::Session;
use rekindle_core::store::{
    Changes, Claim, CommitError, Committed, Counts, EventPosition, Expired, ExpiredCounts, Fence, IdempotencyKey,
    LiveSession, MachineFilter, Page, PageRequest, RecordedEvent, Remembered, SessionBeat, SessionFilter,
    SilentSessions, Store, StoreError, TaskFilter, TrailFilter, Versioned, Watch,
};
use rekindle_core::task::{Task, TaskStatus};
use rekindle_core::values::{MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};
use rusqlite::Connection;
use std::time::Duration;

use crate::answer::answer;
use crate::command::{Command, MachineBeat, Pending, Ping, Release};
use crate::open::{self, OpenError};
use crate::options::{Location, SqliteOptions};
use crate::readers::Readers;
use crate::reads::{self, Answered};
use crate::rows;
use crate::sql::lists;
use crate::writer::{Writer, Written};

/// A store in a SQLite database. Dropping it lets its threads finish what was asked; [`Store::close`] waits for them.
#[derive(Debug)]
pub struct SqliteStore {
    /// None for a database that was opened for reading only.
    writer: Option<Writer>,
    /// None for a database in memory: the writer answers.
    readers: Option<Readers>,
    call_timeout: Duration,
}

impl SqliteStore {
    /// Opens the database, makes it if there is none, and brings its schema up to date. Blocks while it does.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for one store; callers write them in place")]
    pub fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let db = open::writer(&options)?;
        let (readers, copier) = match options.location {
            Location::Memory => (None, None),
            Location::File(_) => (Some(readers(&options)?), Some(open::copier(&options)?)),
        };
        let writer = Writer::start(db, copier, options.queue_capacity, options.batch_max, options.watch.clone());
        let writer = Some(writer.map_err(OpenError::NoThread)?);
        Ok(Self { writer, readers, call_timeout: options.call_timeout })
    }

    /// Opens a database in a file for reading only, beside whoever writes to it: nothing is made, nothing brought up to
    /// date, and every write is refused as [`StoreError::Unavailable`]. Blocks while it does.
    ///
    /// # Errors
    /// See [`OpenError`]; also when the database is not there, or its schema is not this version's.
    #[expect(clippy::needless_pass_by_value, reason = "as in `open`")]
    pub fn open_to_read(options: SqliteOptions) -> Result<Self, OpenError> {
        let path = open::path_of(&options.location)?;
        let (found, known) = (open::look_inside(&path)?, open::known());
        if found < known {
            return Err(OpenError::Older { path, found, known });
        }
        Ok(Self { writer: None, readers: Some(readers(&options)?), call_timeout: options.call_timeout })
    }

    /// How much was written since the store was opened, and in how few transactions.
    pub fn written(&self) -> Written {
        self.writer.as_ref().map(Writer::written).unwrap_or_default()
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        let refused = || StoreError::Unavailable("the database was opened for reading only".to_owned());
        self.writer.as_ref().ok_or_else(refused)
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Answered<T> + Send + 'static,
    ) -> Answered<T> {
        let (answer, wait) = answer();
        let question = Box::new(move |db: &Connection| {
            // Nobody would hear the answer of a question that waited for too long.
            if !answer.is_abandoned() {
                let said = question(db);
                answer.send(said);
            }
        });
        match &self.readers {
            Some(readers) => readers.ask(question)?,
            None => self.writer()?.ask(question)?,
        }
        wait.read(self.call_timeout).await?
    }

    async fn write<C: Command>(&self, command: C) -> Result<C::Done, C::Error> {
        let (answer, wait) = answer();
        self.writer()?.write(Box::new(Pending { command, answer, outcome: None }))?;
        wait.written(self.call_timeout).await?
    }
}

fn readers(options: &SqliteOptions) -> Result<Readers, OpenError> {
    let connections = (0..options.readers.max(1)).map(|_| open::reader(options));
    let connections = connections.collect::<Result<_, _>>()?;
    Readers::start(connections, options.queue_capacity, options.call_timeout).map_err(OpenError::NoThread)
}

#[async_trait]
impl Store for SqliteStore {
    async fn session(&self, id: SessionId) -> Answered<Option<Versioned<Session>>> {
        self.read(move |db| reads::session(db, id)).await
    }

    async fn task(&self, id: TaskId) -> Answered<Option<Versioned<Task>>> {
        self.read(move |db| reads::task(db, id)).await
    }

    async fn machine(&self, id: &MachineId) -> Answered<Option<Versioned<Machine>>> {
        let id = id.clone();
        self.read(move |db| reads::machine(db, &id)).await
    }

    async fn tasks_of(&self, session: SessionId, statuses: &[TaskStatus]) -> Answered<Vec<Versioned<Task>>> {
        let statuses = statuses.to_vec();
        self.read(move |db| reads::tasks_of(db, session, &statuses)).await
    }

    async fn active_session(&self, project: &ProjectId, machine: &MachineId) -> Answered<Option<SessionId>> {
        let (project, machine) = (project.clone(), machine.clone());
        self.read(move |db| reads::active_session(db, &project, &machine)).await
    }

    async fn slot_holder(&self, machine: &MachineId, slot: Slot) -> Answered<Option<SessionId>> {
        let machine = machine.clone();
        self.read(move |db| reads::slot_holder(db, &machine, slot)).await
    }

    async fn live_sessions(&self, machines: &[MachineId]) -> Answered<Vec<LiveSession>> {
        let machines = machines.iter().cloned().collect();
        self.read(move |db| reads::live_sessions(db, &machines)).await
    }

    async fn sessions(&self, filter: &SessionFilter, page: PageRequest) -> Answered<Page<Session>> {
        let list = lists::sessions(filter);
        self.read(move |db| reads::page(db, &list, page, rows::session, |session| session.created_at)).await
    }

    async fn tasks(&self, filter: &TaskFilter, page: PageRequest) -> Answered<Page<Task>> {
        let list = lists::tasks(filter);
        self.read(move |db| reads::page(db, &list, page, rows::task, |task| task.created_at)).await
    }

    async fn machines(&self, filter: &MachineFilter, page: PageRequest) -> Answered<Page<Machine>> {
        let list = lists::machines(filter);
        self.read(move |db| reads::page(db, &list, page, rows::machine, |machine| machine.created_at)).await
    }

    async fn counts(&self) -> Answered<Counts> {
        self.read(reads::counts).await
    }

    async fn silent_sessions(&self, heard_before: Timestamp, limit: u32) -> Answered<SilentSessions> {
        self.read(move |db| reads::silent_sessions(db, heard_before, limit)).await
    }

    async fn overdue_sessions(&self, heard_before: Timestamp, limit: u32) -> Answered<Vec<Versioned<Session>>> {
        self.read(move |db| reads::overdue_sessions(db, heard_before, limit)).await
    }

    async fn overdue_machines(&self, heard_before: Timestamp, limit: u32) -> Answered<Vec<Versioned<Machine>>> {
        self.read(move |db| reads::overdue_machines(db, heard_before, limit)).await
    }

    async fn earliest_heartbeat(&self) -> Answered<Option<Timestamp>> {
        self.read(reads::earliest_heartbeat).await
    }

    async fn watch(&self) -> Answered<Option<Watch>> {
        self.read(reads::watch).await
    }

    async fn expired(&self, ended_by: Timestamp, limit: u32) -> Answered<Vec<Expired>> {
        self.read(move |db| reads::expired(db, ended_by, limit)).await
    }

    async fn expired_counts(&self, ended_by: Timestamp) -> Answered<ExpiredCounts> {
        self.read(move |db| reads::expired_counts(db, ended_by)).await
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Answered<Vec<RecordedEvent>> {
        let after = after.cloned();
        self.read(move |db| reads::events(db, after.as_ref(), limit)).await
    }

    async fn trail(
        &self,
        filter: &TrailFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Answered<Vec<RecordedEvent>> {
        let (filter, before) = (filter.clone(), before.cloned());
        self.read(move |db| reads::trail(db, &filter, before.as_ref(), limit)).await
    }

    async fn keys(&self) -> Answered<Vec<Versioned<ApiKey>>> {
        self.read(reads::keys).await
    }

    async fn remembered(&self, key: &IdempotencyKey, now: Timestamp) -> Answered<Option<Remembered>> {
        let key = *key;
        self.read(move |db| reads::remembered(db, &key, now)).await
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.write(changes).await
    }

    async fn beat(&self, beat: SessionBeat) -> Answered<Option<Versioned<Session>>> {
        self.write(beat).await
    }

    async fn beat_machine(&self, machine: &MachineId, at: Timestamp) -> Answered<Option<Versioned<Machine>>> {
        self.write(MachineBeat { machine: machine.clone(), at }).await
    }

    async fn claim(&self, claim: Claim) -> Answered<Option<Fence>> {
        self.write(claim).await
    }

    async fn release(&self, fence: Fence) -> Answered<()> {
        self.write(Release(fence)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.write(Ping).await?;
        self.read(reads::any).await
    }

    async fn close(&self) {
        // Readers first: the log can be copied back whole once nobody reads it.
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

#[cfg(test)]
mod tests;
