//! The port, on the writer and the readers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::store::{
    AuditFilter, Changes, Claim, CommitError, Committed, EventPosition, Fence, Found, Query, RecordedEvent,
    SessionHeartbeat, Store, StoreError, Versioned,
};
use rekindle_core::values::{MachineId, Timestamp};
use rusqlite::Connection;

use crate::command::{Command, Commit, MachineHeartbeat, Pending, Ping, Release};
use crate::completion::completion;
use crate::open::{self, OpenError};
use crate::options::{Location, SqliteOptions};
use crate::readers::Readers;
use crate::reads::{self, ReadResult};
use crate::sql::kinds::Kinds;
use crate::writer::{WriteStats, Writer};

/// A store in a SQLite database. When it is dropped, its threads finish what is queued; [`Store::close`] waits for them.
#[derive(Debug)]
pub struct SqliteStore {
    /// None for a database that was opened for reading only.
    writer: Option<Writer>,
    /// None for a database in memory: the writer reads too.
    readers: Option<Readers>,
    kinds: Arc<Kinds>,
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
            Location::File(_) => (Some(readers(&options)?), Some(open::checkpoint_connection(&options)?)),
        };
        let writer = Writer::start(db, copier, options.queue_capacity, options.batch_max, options.watch.clone());
        let writer = Some(writer.map_err(OpenError::NoThread)?);
        let kinds = Arc::new(Kinds::with(options.extension));
        Ok(Self { writer, readers, kinds, call_timeout: options.call_timeout })
    }

    /// Opens a database in a file for reading only, beside those that write to it: nothing is made or brought up to date,
    /// and every write fails with [`StoreError::Unavailable`]. Blocks while it does.
    ///
    /// # Errors
    /// See [`OpenError`]; also when the database is not there, or its schema is not this version's.
    #[expect(clippy::needless_pass_by_value, reason = "as in `open`")]
    pub fn open_to_read(options: SqliteOptions) -> Result<Self, OpenError> {
        let path = open::path_of(&options.location)?;
        let (found, known) = (open::inspect_schema(&path)?, open::known());
        if found < known {
            return Err(OpenError::Older { path, found, known });
        }
        let kinds = Arc::new(Kinds::with(options.extension));
        Ok(Self { writer: None, readers: Some(readers(&options)?), kinds, call_timeout: options.call_timeout })
    }

    /// How much was written since the store was opened, and in how few transactions.
    pub fn write_stats(&self) -> WriteStats {
        self.writer.as_ref().map(Writer::written).unwrap_or_default()
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        let refused = || StoreError::Unavailable("the database was opened for reading only".to_owned());
        self.writer.as_ref().ok_or_else(refused)
    }

    async fn on_reader<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> ReadResult<T> + Send + 'static,
    ) -> ReadResult<T> {
        let (answer, wait) = completion();
        let question = Box::new(move |db: &Connection| {
            // The caller of a read that waited for too long has given up.
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

    async fn on_writer<C: Command>(&self, command: C) -> Result<C::Done, C::Error> {
        let (answer, wait) = completion();
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
    async fn find(&self, query: &Query) -> ReadResult<Found> {
        let (kinds, query) = (Arc::clone(&self.kinds), query.clone());
        self.on_reader(move |db| reads::find(db, &kinds, &query)).await
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> ReadResult<Vec<RecordedEvent>> {
        let after = after.cloned();
        self.on_reader(move |db| reads::events(db, after.as_ref(), limit)).await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> ReadResult<Vec<RecordedEvent>> {
        let (filter, before) = (filter.clone(), before.cloned());
        self.on_reader(move |db| reads::audit_log(db, &filter, before.as_ref(), limit)).await
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.on_writer(Commit { changes, kinds: Arc::clone(&self.kinds) }).await
    }

    async fn record_heartbeat(&self, beat: SessionHeartbeat) -> ReadResult<Option<Versioned<Session>>> {
        self.on_writer(beat).await
    }

    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> ReadResult<Option<Versioned<Machine>>> {
        self.on_writer(MachineHeartbeat { machine: machine.clone(), at }).await
    }

    async fn claim(&self, claim: Claim) -> ReadResult<Option<Fence>> {
        self.on_writer(claim).await
    }

    async fn release(&self, fence: Fence) -> ReadResult<()> {
        self.on_writer(Release(fence)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.on_writer(Ping).await?;
        self.on_reader(reads::ping).await
    }

    async fn close(&self) {
        // Readers first: the log can be copied back whole once it is no longer read.
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
