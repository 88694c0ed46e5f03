//! A tracker over a store in memory with a manual clock, and short functions for what tests do.

use std::sync::Arc;
use std::time::Duration;

use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::rules::recovery::{FailedTasks, Recovery};
use rekindle_core::use_cases::{NewMachine, NewSession, NewTask, SessionPatch, SessionTarget, TaskPatch};
use rekindle_core::values::Slots;
use rekindle_core::{
    Error, Metadata, MetadataPatch, Policy, Rejection, Session, SessionId, Slot, Task, TaskId, Tracker, Versioned,
};
use rekindle_testkit::sample::{metadata, text};
use rekindle_testkit::{FaultyStore, ManualClock, MemoryStore, SequentialIds};

pub(crate) struct World {
    pub tracker: Tracker,
    pub clock: Arc<ManualClock>,
    pub store: Arc<FaultyStore>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Policy::default())
    }

    pub(crate) fn with(policy: Policy) -> Self {
        let clock = Arc::new(ManualClock::default());
        let store = Arc::new(FaultyStore::over(Arc::new(MemoryStore::new())));
        let ids = Arc::new(SequentialIds::default());
        let tracker = Tracker::new(Arc::clone(&store) as _, Arc::clone(&clock) as _, ids, policy);
        Self { tracker, clock, store }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn session(&self, project: &str, machine: &str) -> Versioned<Session> {
        self.tracker.sessions().create(new_session(project, machine)).await.unwrap()
    }

    pub(crate) async fn reread(&self, id: SessionId) -> Versioned<Session> {
        self.tracker.sessions().get(id).await.unwrap()
    }

    pub(crate) async fn task(&self, session: &Session, name: &str) -> Versioned<Task> {
        let new = NewTask {
            session_id: session.id,
            project_id: session.project_id.clone(),
            github_issue_id: None,
            name: text(name),
            metadata: Metadata::default(),
        };
        self.tracker.tasks().create(new).await.unwrap()
    }

    pub(crate) async fn move_task(&self, id: TaskId, target: TaskTarget) -> Versioned<Task> {
        let patch = TaskPatch { status: Some(target), ..TaskPatch::default() };
        self.tracker.tasks().update(id, &patch).await.unwrap()
    }

    pub(crate) async fn machine(&self, id: &str, slots: &[u16]) {
        self.tracker.machines().create(Some(text(id)), new_machine(slots)).await.unwrap();
    }

    /// Runs a detection pass each second for so many seconds, and returns the sessions that were marked.
    pub(crate) async fn detect_for(&self, seconds: u64) -> Vec<SessionId> {
        let mut stalled = Vec::new();
        for _ in 0..seconds {
            self.advance(1);
            let pass = self.tracker.detect().await.unwrap();
            stalled.extend(pass.stalled.into_iter().map(|session| session.session_id));
        }
        stalled
    }
}

pub(crate) fn new_session(project: &str, machine: &str) -> NewSession {
    NewSession {
        project_id: text(project),
        machine_id: text(machine),
        docker_slot: None,
        metadata: Metadata::default(),
    }
}

pub(crate) fn new_machine(slots: &[u16]) -> NewMachine {
    let slots = Slots::try_from(slots.iter().copied().map(Slot).collect::<Vec<_>>()).unwrap();
    NewMachine { hostname: text("build-1"), docker_slots: slots, metadata: Metadata::default() }
}

pub(crate) fn to(target: SessionTarget) -> SessionPatch {
    SessionPatch { status: Some(target), ..SessionPatch::default() }
}

pub(crate) fn onto(machine: &str) -> Recovery {
    Recovery { new_machine_id: text(machine), docker_slot: None, failed_tasks: FailedTasks::Reset }
}

pub(crate) fn patch(content: serde_json::Value) -> Option<MetadataPatch> {
    Some(MetadataPatch(metadata(content).as_map().clone()))
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> Rejection {
    match answer {
        Err(Error::Rejected(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
