//! What the writer is asked to do, as data: a commit, two kinds of heartbeat, leases, a ping. Each knows how to apply
//! itself within the writer's transaction; [`Pending`] holds its answer back until that transaction is on the disk.

use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::store::{Changes, Claim, CommitError, Committed, Fence, SessionHeartbeat, StoreError, Versioned};
use rekindle_core::values::{MachineId, Timestamp};
use rusqlite::Connection;

use crate::completion::Completion;
use crate::error::not_written;
use crate::{commit, heartbeat, lease, sql};

/// A write.
pub(crate) trait Command: Send + 'static {
    /// What it answers.
    type Done: Send;
    /// How it fails.
    type Error: From<StoreError> + std::error::Error + Send;

    /// Applies it within a transaction. When it fails, it leaves no trace there.
    fn apply(&self, db: &Connection) -> Result<Self::Done, Self::Error>;
}

impl Command for Changes {
    type Done = Committed;
    type Error = CommitError;

    fn apply(&self, db: &Connection) -> Result<Committed, CommitError> {
        let failed = |error: rusqlite::Error| CommitError::Failed(not_written(&error));
        execute(db, "SAVEPOINT one").map_err(failed)?;
        match commit::apply(db, self) {
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
pub(crate) struct MachineBeat {
    /// The machine.
    pub machine: MachineId,
    /// When it was heard.
    pub at: Timestamp,
}

impl Command for MachineBeat {
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

/// Gives a duty back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Release(pub Fence);

impl Command for Release {
    type Done = ();
    type Error = StoreError;

    fn apply(&self, db: &Connection) -> Result<(), StoreError> {
        lease::release(db, self.0)
    }
}

/// Whether a write gets through.
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
    /// Takes it up; false if its caller withdrew it.
    fn begin(&self) -> bool;

    /// Applies it and keeps the outcome; says what SQLite said if it failed.
    fn apply(&mut self, db: &Connection) -> Result<(), String>;

    /// Answers the outcome.
    fn answer(self: Box<Self>);

    /// Answers this instead: the transaction did not come to its end.
    fn fail(self: Box<Self>, error: StoreError);
}

/// A command with the address of its answer.
pub(crate) struct Pending<C: Command> {
    /// What to do.
    pub command: C,
    /// Where the answer goes.
    pub answer: Completion<Result<C::Done, C::Error>>,
    /// What came of it.
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
