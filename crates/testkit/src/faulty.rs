//! A store whose commits fail as a test says: before anything is written, or after, unheard.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rekindle_core::store::{
    AuditFilter, Changes, Claim, CommitError, Committed, DetectorState, EventPosition, Expired, ExpiredCounts, Fence,
    IdempotencyKey, LiveSession, MachineFilter, Page, PageRequest, RecordedEvent, SessionCounts, SessionFilter,
    SessionHeartbeat, StalledSessions, StoredResponse, TaskFilter,
};
use rekindle_core::{
    ApiKey, Machine, MachineId, ProjectId, Session, SessionId, Slot, Store, StoreError, Task, TaskId, TaskStatus,
    Timestamp, Versioned,
};

/// How a commit fails.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Nothing is written, and the caller is told so.
    Refused,
    /// Nothing is written, and the caller cannot know.
    LostBefore,
    /// All is written, and the caller cannot know.
    LostAfter,
    /// All is written, the caller cannot know, and from then on nothing is answered any more.
    LostAndDown,
    /// All is written and the caller is told so; from then on nothing is answered any more.
    DoneAndDown,
    /// Nothing is written: somebody else was quicker.
    Stale,
    /// Nothing is written, the caller cannot know, and somebody else writes this before anybody looks again.
    Overtaken(Box<Changes>),
}

/// A store in front of another one.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    script: Mutex<VecDeque<Option<Fault>>>,
    down: AtomicBool,
}

impl FaultyStore {
    /// In front of this store, without faults so far.
    pub fn over(inner: Arc<dyn Store>) -> Self {
        Self { inner, script: Mutex::default(), down: AtomicBool::new(false) }
    }

    /// What the next commits do; none: as usual. After the last of them all is as usual again.
    pub fn script(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.script.lock().unwrap().extend(faults);
    }

    fn up(&self) -> Result<(), StoreError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("scripted: down".to_owned()));
        }
        Ok(())
    }

    fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
    }
}

/// Hands these reads on as they are.
macro_rules! hand_on {
    ($($name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+) => {
        #[async_trait]
        impl Store for FaultyStore {
            $(
                async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                    self.up()?;
                    self.inner.$name($($arg),*).await
                }
            )+

            async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
                self.up()?;
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
                        self.go_down();
                        Err(unknown())
                    }
                    Some(Fault::DoneAndDown) => {
                        let committed = self.inner.commit(changes).await?;
                        self.go_down();
                        Ok(committed)
                    }
                    Some(Fault::Stale) => Err(CommitError::Stale),
                    Some(Fault::Overtaken(others)) => {
                        self.inner.commit(*others).await?;
                        Err(unknown())
                    }
                }
            }

            async fn close(&self) {
                self.inner.close().await;
            }
        }
    };
}

hand_on! {
    session(id: SessionId) -> Option<Versioned<Session>>;
    task(id: TaskId) -> Option<Versioned<Task>>;
    machine(id: &MachineId) -> Option<Versioned<Machine>>;
    tasks_of(session: SessionId, statuses: &[TaskStatus]) -> Vec<Versioned<Task>>;
    active_session(project: &ProjectId, machine: &MachineId) -> Option<SessionId>;
    slot_holder(machine: &MachineId, slot: Slot) -> Option<SessionId>;
    live_sessions(machines: &[MachineId]) -> Vec<LiveSession>;
    sessions(filter: &SessionFilter, page: PageRequest) -> Page<Session>;
    tasks(filter: &TaskFilter, page: PageRequest) -> Page<Task>;
    machines(filter: &MachineFilter, page: PageRequest) -> Page<Machine>;
    counts() -> SessionCounts;
    stalled_sessions(heard_before: Timestamp, limit: u32) -> StalledSessions;
    overdue_sessions(heard_before: Timestamp, limit: u32) -> Vec<Versioned<Session>>;
    overdue_machines(heard_before: Timestamp, limit: u32) -> Vec<Versioned<Machine>>;
    earliest_heartbeat() -> Option<Timestamp>;
    detector_state() -> Option<DetectorState>;
    expired(ended_by: Timestamp, limit: u32) -> Vec<Expired>;
    expired_counts(ended_by: Timestamp) -> ExpiredCounts;
    events(after: Option<&EventPosition>, limit: u32) -> Vec<RecordedEvent>;
    audit_log(filter: &AuditFilter, before: Option<&EventPosition>, limit: u32) -> Vec<RecordedEvent>;
    keys() -> Vec<Versioned<ApiKey>>;
    stored_response(key: &IdempotencyKey, now: Timestamp) -> Option<StoredResponse>;
    record_heartbeat(beat: SessionHeartbeat) -> Option<Versioned<Session>>;
    record_machine_heartbeat(machine: &MachineId, at: Timestamp) -> Option<Versioned<Machine>>;
    claim(claim: Claim) -> Option<Fence>;
    release(fence: Fence) -> ();
    ping() -> ();
}
