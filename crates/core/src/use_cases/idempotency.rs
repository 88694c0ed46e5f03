//! Doing something once: a request that carries an idempotency key leaves its answer with the commit that it causes, so
//! that whoever repeats it gets that answer and nothing happens a second time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::Error;
use super::{MachineView, Recovered, Tracker};
use crate::domain::api_key::ApiKey;
use crate::domain::session::Session;
use crate::domain::task::Task;
use crate::store::{Changes, CommitError, IdempotencyKey, StoreError, StoredResponse, UniqueRule, Versioned};
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
pub type ResponseEncoder = Box<dyn Fn(&Reply<'_>) -> Option<Box<[u8]>> + Send + Sync>;

/// One request that is to happen once.
pub struct IdempotentRequest {
    key: IdempotencyKey,
    request: [u8; 32],
    ttl: Duration,
    encode: ResponseEncoder,
    stored: AtomicBool,
}

impl IdempotentRequest {
    /// The request of this name and with this content, whose answer is to be kept for so long.
    pub fn new(key: IdempotencyKey, request: [u8; 32], lasts: Duration, write_down: ResponseEncoder) -> Self {
        Self { key, request, ttl: lasts, encode: write_down, stored: AtomicBool::new(false) }
    }

    /// Whether its answer was stored with a commit.
    pub fn is_stored(&self) -> bool {
        self.stored.load(Ordering::SeqCst)
    }

    pub(super) fn mark_stored(&self) {
        self.stored.store(true, Ordering::SeqCst);
    }

    pub(super) fn answer(&self, reply: &Reply<'_>, now: Timestamp) -> Option<StoredResponse> {
        (self.encode)(reply).map(|answer| self.with(answer, now))
    }

    fn with(&self, answer: Box<[u8]>, now: Timestamp) -> StoredResponse {
        StoredResponse { key: self.key, request: self.request, answer, at: now, until: now.plus(self.ttl) }
    }
}

impl Tracker {
    /// A tracker whose first commit that has an answer takes that along. It is for one request only.
    #[must_use]
    pub fn with_idempotency(&self, once: Arc<IdempotentRequest>) -> Self {
        Self { idempotent_request: Some(once), ..self.clone() }
    }

    /// The answer that stands under an idempotency key.
    ///
    /// # Errors
    /// Only the store's.
    pub async fn stored_response(&self, key: &IdempotencyKey) -> Result<Option<StoredResponse>, Error> {
        Ok(self.store.stored_response(key, self.clock.now()).await?)
    }

    /// Keeps the answer of a request that caused no commit, or several.
    ///
    /// # Errors
    /// [`Error::AlreadyAnswered`] when another one stands already, and the store's.
    pub async fn store_response(&self, once: &IdempotentRequest, answer: Box<[u8]>) -> Result<(), Error> {
        let remember = Some(once.with(answer, self.clock.now()));
        match self.store.commit(Changes { stored_response: remember, ..Changes::default() }).await {
            Ok(_) => {
                once.mark_stored();
                Ok(())
            }
            Err(CommitError::UniqueViolation(UniqueRule::IdempotencyKey)) => Err(Error::AlreadyAnswered),
            Err(CommitError::Failed(fault)) => Err(fault.into()),
            Err(refused @ (CommitError::Stale | CommitError::UniqueViolation(_) | CommitError::Fenced)) => {
                Err(StoreError::Corrupt(format!("an answer alone was refused: {refused}")).into())
            }
        }
    }
}
