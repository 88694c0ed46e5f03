//! The writer's commands, as data: a commit, two kinds of heartbeat, leases, a ping. Each applies itself within the
//! writer's transaction; [`Pending`] keeps its result until that transaction is on the disk.

use std::sync::Arc;

use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::store::{Changes, Claim, CommitError, Committed, Fence, SessionHeartbeat, StoreError, Versioned};
use rekindle_core::values::{MachineId, Timestamp};
use rusqlite::Connection;

use crate::completion::Completion;
use crate::error::not_written;
use crate::sql::kinds::Kinds;
use crate::{commit, heartbeat, lease, sql};

/// A write.
pub(crate) trait Command: Send + 'static {
    /// Its result.
    type Done: Send;
    /// How it fails.
    type Error: From<StoreError> + std::error::Error + Send;

    /// Applies it within a transaction. A command that fails changes nothing there.
    fn apply(&self, db: &Connection) -> Result<Self::Done, Self::Error>;
}

/// A commit.
#[derive(Debug)]
pub(crate) struct Commit {
    /// What is changed.
    pub(crate) changes: Changes,
    /// The kinds of records that the store holds.
    pub(crate) kinds: Arc<Kinds>,
}

impl Command for Commit {
    type Done = Committed;
    type Error = CommitError;

    fn apply(&self, db: &Connection) -> Result<Committed, CommitError> {
        let failed = |error: rusqlite::Error| CommitError::Failed(not_written(&error));
        execute(db, "SAVEPOINT one").map_err(failed)?;
        match commit::apply(db, &self.kinds, &self.changes) {
            Ok(committed) => {
                execute(db, "RELEASE one").map_err(failed)?;
                Ok(committed)
            }
            Err(error) => {
                // SQLite may have undone the whole transaction by itself, savepoint and all.
                if !db.is_autocommit() && undo(db).is_err() {
                    drop(execute(db, "ROLLBACK"));
                }
                Err(error)
            }
        }
    }
}

fn undo(db: &Connection) -> rusqlite::Result<()> {
    execute(db, "ROLLBACK TO one")?;
    execute(db, "RELEASE one")
}

impl Command for SessionHeartbeat {
    type Done = Option<Versioned<Session>>;
    type Error = StoreError;

    fn apply(&self, db: &Connection) -> Result<Self::Done, StoreError> {
        heartbeat::session(db, self)
    }
}

/// A machine's heartbeat.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MachineHeartbeat {
    /// The machine.
    pub machine: MachineId,
    /// When it was heard.
    pub at: Timestamp,
}

impl Command for MachineHeartbeat {
    type Done = Option<Versioned<Machine>>;
    type Error = StoreError;

    fn apply(&self, db: &Connection) -> Result<Self::Done, StoreError> {
        heartbeat::machine(db, &self.machine, self.at)
    }
}

impl Command for Claim {
    type Done = Option<Fence>;
    type Error = StoreError;

    fn apply(&self, db: &Connection) -> Result<Self::Done, StoreError> {
        lease::claim(db, self)
    }
}

/// Releases a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Release(pub Fence);

impl Command for Release {
    type Done = ();
    type Error = StoreError;

    fn apply(&self, db: &Connection) -> Result<(), StoreError> {
        lease::release(db, self.0)
    }
}

/// Writes nothing new: it shows whether the database accepts a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ping;

impl Command for Ping {
    type Done = ();
    type Error = StoreError;

    fn apply(&self, db: &Connection) -> Result<(), StoreError> {
        execute(db, sql::PING).map_err(|error| not_written(&error))
    }
}

/// Runs a statement without parameters.
pub(crate) fn execute(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    db.prepare_cached(sql)?.execute([]).map(|_| ())
}

/// A command on its way through the writer, whichever it is.
pub(crate) trait Job: Send {
    /// Begins it. Returns false if its caller has withdrawn it.
    fn begin(&self) -> bool;

    /// Applies it and keeps the result. Fails with SQLite's own words.
    fn apply(&mut self, db: &Connection) -> Result<(), String>;

    /// Sends the result to the caller.
    fn answer(self: Box<Self>);

    /// Sends this error instead: the transaction did not come to its end.
    fn fail(self: Box<Self>, error: StoreError);
}

/// A command with the caller that waits for it.
pub(crate) struct Pending<C: Command> {
    /// The command.
    pub command: C,
    /// Where the result goes.
    pub answer: Completion<Result<C::Done, C::Error>>,
    /// The result, once it was applied.
    pub outcome: Option<Result<C::Done, C::Error>>,
}

impl<C: Command> Job for Pending<C> {
    fn begin(&self) -> bool {
        self.answer.begin()
    }

    fn apply(&mut self, db: &Connection) -> Result<(), String> {
        let outcome = self.command.apply(db);
        let said = outcome.as_ref().map(|_| ()).map_err(ToString::to_string);
        self.outcome = Some(outcome);
        said
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            self.answer.send(outcome);
        }
    }

    fn fail(self: Box<Self>, error: StoreError) {
        self.answer.send(Err(error.into()));
    }
}
