//! A store that fails as a test demands: single commits by a script, or everything while an outage lasts.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rekindle_core::store::{
    AuditFilter, Changes, Claim, CommitError, Committed, EventPosition, Fence, Found, Query, RecordedEvent,
    SessionHeartbeat,
};
use rekindle_core::{Machine, MachineId, Session, Store, StoreError, Timestamp, Versioned};

use crate::memory::MemoryStore;

/// How a commit fails.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Nothing is written, and the error says so.
    Refused,
    /// Nothing is written, and the outcome is unknown.
    LostBefore,
    /// All is written, and the outcome is unknown.
    LostAfter,
    /// All is written, the outcome is unknown, and every later call fails.
    LostAndDown,
    /// All is written, and every later call fails.
    DoneAndDown,
    /// Nothing is written: another commit was faster.
    Stale,
    /// Nothing is written, the outcome is unknown, and these changes are written before the next call.
    Overtaken(Box<Changes>),
}

/// What goes wrong with reads of sessions, with pings and with writes while an outage lasts.
#[derive(Debug, Clone)]
pub enum Outage {
    /// They fail with this error.
    Fails(StoreError),
    /// They panic.
    Panics,
    /// They take this much longer.
    Slow(Duration),
}

/// A store in front of another one.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    script: Mutex<VecDeque<Option<Fault>>>,
    outage: Mutex<Option<Outage>>,
    down: AtomicBool,
}

impl Default for FaultyStore {
    /// In front of an empty store in memory.
    fn default() -> Self {
        Self::over(Arc::new(MemoryStore::new()))
    }
}

impl FaultyStore {
    /// Returns a store in front of this one, without faults so far.
    pub fn over(inner: Arc<dyn Store>) -> Self {
        Self { inner, script: Mutex::default(), outage: Mutex::default(), down: AtomicBool::new(false) }
    }

    /// Adds the faults of the next commits, `None` for a commit without one. After the last of them commits succeed.
    pub fn script(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.script.lock().unwrap().extend(faults);
    }

    /// Begins an outage, or ends it.
    pub fn set(&self, outage: Option<Outage>) {
        *self.outage.lock().unwrap() = outage;
    }

    fn up(&self) -> Result<(), StoreError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("scripted: down".to_owned())),
            false => Ok(()),
        }
    }

    async fn working(&self) -> Result<(), StoreError> {
        self.up()?;
        let outage = self.outage.lock().unwrap().clone();
        match outage {
            None => Ok(()),
            Some(Outage::Fails(error)) => Err(error),
            Some(Outage::Panics) => panic!("the store panics, as the test demands"),
            Some(Outage::Slow(span)) => {
                tokio::time::sleep(span).await;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn find(&self, query: &Query) -> Result<Found, StoreError> {
        match query.name() {
            "session" | "sessions" => self.working().await?,
            _ => self.up()?,
        }
        self.inner.find(query).await
    }

    async fn events(&self, after: Option<&EventPosition>, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        self.up()?;
        self.inner.events(after, limit).await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<&EventPosition>,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.up()?;
        self.inner.audit_log(filter, before, limit).await
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.working().await?;
        let fault = self.script.lock().unwrap().pop_front().flatten();
        let unknown = || StoreError::Unknown("scripted".to_owned()).into();
        match fault {
            None => self.inner.commit(changes).await,
            Some(Fault::Refused) => Err(StoreError::Unavailable("scripted".to_owned()).into()),
            Some(Fault::LostBefore) => Err(unknown()),
            Some(Fault::LostAfter) => {
                self.inner.commit(changes).await?;
                Err(unknown())
            }
            Some(Fault::LostAndDown) => {
                self.inner.commit(changes).await?;
                self.down.store(true, Ordering::SeqCst);
                Err(unknown())
            }
            Some(Fault::DoneAndDown) => {
                let committed = self.inner.commit(changes).await?;
                self.down.store(true, Ordering::SeqCst);
                Ok(committed)
            }
            Some(Fault::Stale) => Err(CommitError::Stale),
            Some(Fault::Overtaken(others)) => {
                self.inner.commit(*others).await?;
                Err(unknown())
            }
        }
    }

    async fn record_heartbeat(&self, beat: SessionHeartbeat) -> Result<Option<Versioned<Session>>, StoreError> {
        self.working().await?;
        self.inner.record_heartbeat(beat).await
    }

    async fn record_machine_heartbeat(
        &self,
        machine: &MachineId,
        at: Timestamp,
    ) -> Result<Option<Versioned<Machine>>, StoreError> {
        self.up()?;
        self.inner.record_machine_heartbeat(machine, at).await
    }

    async fn claim(&self, claim: Claim) -> Result<Option<Fence>, StoreError> {
        self.working().await?;
        self.inner.claim(claim).await
    }

    async fn release(&self, fence: Fence) -> Result<(), StoreError> {
        self.working().await?;
        self.inner.release(fence).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.working().await?;
        self.inner.ping().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
