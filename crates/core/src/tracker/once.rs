//! Doing something once: a request that carries an idempotency key leaves its answer with the commit that it causes, so
//! that whoever repeats it gets that answer and nothing happens a second time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{MachineView, Recovered, Tracker};
use crate::access::ApiKey;
use crate::error::Error;
use crate::session::Session;
use crate::store::{Changes, CommitError, IdempotencyKey, Remembered, StoreError, UniqueRule, Versioned};
use crate::task::Task;
use crate::values::Timestamp;

/// What a use case is about to answer.
#[derive(Debug, Clone, Copy)]
pub enum Reply<'a> {
    /// A session.
    Session(&'a Versioned<Session>),
    /// A session that was brought back.
    Recovered(&'a Recovered),
    /// A task.
    Task(&'a Versioned<Task>),
    /// A machine.
    Machine(&'a MachineView),
    /// An API key.
    Key(&'a Versioned<ApiKey>),
}

/// How an adapter writes an answer down; none for one that this commit is not to take along.
pub type WriteDown = Box<dyn Fn(&Reply<'_>) -> Option<Box<[u8]>> + Send + Sync>;

/// One request that is to happen once.
pub struct Once {
    key: IdempotencyKey,
    request: [u8; 32],
    lasts: Duration,
    write_down: WriteDown,
    kept: AtomicBool,
}

impl Once {
    /// The request of this name and with this content, whose answer is to be kept for so long.
    pub fn new(key: IdempotencyKey, request: [u8; 32], lasts: Duration, write_down: WriteDown) -> Self {
        Self { key, request, lasts, write_down, kept: AtomicBool::new(false) }
    }

    /// Whether its answer was stored with a commit.
    pub fn is_kept(&self) -> bool {
        self.kept.load(Ordering::SeqCst)
    }

    pub(super) fn note_kept(&self) {
        self.kept.store(true, Ordering::SeqCst);
    }

    pub(super) fn answer(&self, reply: &Reply<'_>, now: Timestamp) -> Option<Remembered> {
        (self.write_down)(reply).map(|answer| self.with(answer, now))
    }

    fn with(&self, answer: Box<[u8]>, now: Timestamp) -> Remembered {
        Remembered { key: self.key, request: self.request, answer, at: now, until: now.plus(self.lasts) }
    }
}

impl Tracker {
    /// A tracker whose first commit that has an answer takes that along. It is for one request only.
    #[must_use]
    pub fn once(&self, once: Arc<Once>) -> Self {
        Self { once: Some(once), ..self.clone() }
    }

    /// The answer that stands under an idempotency key.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn remembered(&self, key: &IdempotencyKey) -> Result<Option<Remembered>, Error> {
        Ok(self.store.remembered(key, self.clock.now()).await?)
    }

    /// Keeps the answer of a request that caused no commit, or several.
    ///
    /// # Errors
    /// [`Error::Repeated`] when another one stands already, and the store's.
    pub async fn remember(&self, once: &Once, answer: Box<[u8]>) -> Result<(), Error> {
        let remember = Some(once.with(answer, self.clock.now()));
        match self.store.commit(Changes { remember, ..Changes::default() }).await {
            Ok(_) => {
                once.note_kept();
                Ok(())
            }
            Err(CommitError::Taken(UniqueRule::IdempotencyKey)) => Err(Error::Repeated),
            Err(CommitError::Failed(fault)) => Err(fault.into()),
            Err(refused @ (CommitError::Stale | CommitError::Taken(_) | CommitError::Fenced)) => {
                Err(StoreError::Corrupt(format!("an answer alone was refused: {refused}")).into())
            }
        }
    }
}
