//! The random steps, and a world to take them in.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::rules::recovery::{FailedTasks, Recovery};
use rekindle_core::store::{
    AuditFilter, FindTyped, MachineFilter, PageRequest, SessionFilter, Start, TaskFilter, queries,
};
use rekindle_core::use_cases::{
    CleanupMode, HeartbeatReport, MachinePatch, NewMachine, NewSession, NewTask, SessionPatch, SessionTarget,
    SlotRelease, TaskPatch,
};
use rekindle_core::values::Slots;
use rekindle_core::{
    FieldUpdate, KeyId, MachineId, MachineStatus, MetadataPatch, Policy, SessionId, SessionStatus, Slot, Store, TaskId,
    TaskStatus, Tracker,
};
use serde_json::json;

use crate::manual_clock::{ManualClock, SequentialIds};
use crate::sample::{self, text, uuid};

/// One step of the model. Numbers choose among few names, so that steps interact; indexes choose among entities that
/// were created before.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each step is named like the use case that it calls")]
pub enum Step {
    Advance(u64),
    Create { project: u8, machine: u8, slot: Option<u8> },
    Beat { session: Index, task: Option<u8>, key: Option<u8> },
    Patch { session: Index, target: u8, key: Option<u8> },
    MarkFailed(Index),
    MarkStalled(Index),
    Prepare { session: Index, release: bool },
    Recover { session: Index, machine: u8, slot: Option<u8>, reset: bool },
    Archive(Index),
    Delete(Index),
    CreateTask(Index),
    PatchTask { task: Index, target: u8, key: Option<u8> },
    DeleteTask(Index),
    PutMachine { machine: u8, slots: u8 },
    PatchMachine { machine: u8, status: Option<u8>, slots: Option<u8> },
    BeatMachine(u8),
    DeleteMachine(u8),
    Detect,
    Cleanup { days: u8, dry: bool },
    List { project: Option<u8>, status: Option<u8>, archived: Option<bool>, limit: u8 },
    RecoveryState(Index),
    CreateOnce { project: u8, machine: u8, request: u8 },
    MakeKey { role: u8, project: Option<u8>, seconds: Option<u8> },
    RotateKey { key: Index, overlap: u8 },
    RevokeKey(Index),
    Trail { key: Option<u8>, session: Option<Index>, machine: Option<u8>, limit: u8 },
}

/// Sequences of at most this many steps.
pub fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let small = || 0..3u8;
    let slot = || prop::option::weighted(0.4, 0..3u8);
    let key = || prop::option::weighted(0.3, 0..4u8);
    let one = any::<Index>;
    let step = prop_oneof![
        3 => (0..200_000u64).prop_map(Step::Advance),
        8 => (small(), small(), slot()).prop_map(|(project, machine, slot)| Step::Create { project, machine, slot }),
        6 => (one(), prop::option::of(0..3u8), key()).prop_map(|(session, task, key)| Step::Beat { session, task, key }),
        6 => (one(), 0..6u8, key()).prop_map(|(session, target, key)| Step::Patch { session, target, key }),
        2 => one().prop_map(Step::MarkFailed),
        2 => one().prop_map(Step::MarkStalled),
        2 => (one(), any::<bool>()).prop_map(|(session, release)| Step::Prepare { session, release }),
        5 => (one(), small(), slot(), any::<bool>())
            .prop_map(|(session, machine, slot, reset)| Step::Recover { session, machine, slot, reset }),
        1 => one().prop_map(Step::Archive),
        1 => one().prop_map(Step::Delete),
        6 => one().prop_map(Step::CreateTask),
        7 => (one(), 0..6u8, key()).prop_map(|(task, target, key)| Step::PatchTask { task, target, key }),
        1 => one().prop_map(Step::DeleteTask),
        2 => (small(), 0..8u8).prop_map(|(machine, slots)| Step::PutMachine { machine, slots }),
        2 => (small(), prop::option::of(0..3u8), prop::option::of(0..8u8))
            .prop_map(|(machine, status, slots)| Step::PatchMachine { machine, status, slots }),
        2 => small().prop_map(Step::BeatMachine),
        1 => small().prop_map(Step::DeleteMachine),
        4 => Just(Step::Detect),
        1 => (0..2u8, any::<bool>()).prop_map(|(days, dry)| Step::Cleanup { days, dry }),
        2 => (prop::option::of(small()), prop::option::of(0..5u8), prop::option::of(any::<bool>()), 1..9u8)
            .prop_map(|(project, status, archived, limit)| Step::List { project, status, archived, limit }),
        1 => one().prop_map(Step::RecoveryState),
        3 => (small(), small(), small())
            .prop_map(|(project, machine, request)| Step::CreateOnce { project, machine, request }),
        1 => (0..4u8, prop::option::of(small()), prop::option::of(0..200u8))
            .prop_map(|(role, project, seconds)| Step::MakeKey { role, project, seconds }),
        1 => (one(), 0..200u8).prop_map(|(key, overlap)| Step::RotateKey { key, overlap }),
        1 => one().prop_map(Step::RevokeKey),
        2 => (prop::option::of(0..4u8), prop::option::of(one()), prop::option::of(small()), 1..9u8)
            .prop_map(|(key, session, machine, limit)| Step::Trail { key, session, machine, limit }),
    ];
    prop::collection::vec(step, 1..=length)
}

/// A store, the use cases over it, a clock in hand and ids that count.
pub struct ModelState {
    pub(super) tracker: Tracker,
    clock: Arc<ManualClock>,
    pub(super) sessions: Vec<SessionId>,
    tasks: Vec<TaskId>,
    pub(super) keys: Vec<KeyId>,
    /// How many steps were taken.
    pub(super) taken: u64,
}

impl ModelState {
    /// A world over this store, which must be empty.
    pub fn over(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let ids = Arc::new(SequentialIds::default());
        let tracker = Tracker::new(store, Arc::clone(&clock) as _, ids, Policy::default());
        Self { tracker, clock, sessions: Vec::new(), tasks: Vec::new(), keys: Vec::new(), taken: 0 }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        self.tracker.store()
    }

    /// Takes one step and answers what came of it, in words that two worlds can compare.
    pub async fn take(&mut self, step: &Step) -> String {
        self.taken += 1;
        let tracker = self.acting();
        match step {
            Step::Advance(millis) => {
                self.clock.advance(Duration::from_millis(*millis));
                String::new()
            }
            Step::Create { project, machine, slot } => {
                let made = tracker.sessions().create(new_session(*project, *machine, *slot)).await;
                self.sessions.extend(made.iter().map(|row| row.value.id));
                said(made)
            }
            Step::CreateOnce { project, machine, request } => {
                self.create_once(&tracker, new_session(*project, *machine, None), *request).await
            }
            Step::MakeKey { role, project, seconds } => self.make_key(&tracker, *role, *project, *seconds).await,
            Step::RotateKey { key, overlap } => self.rotate_key(&tracker, key, *overlap).await,
            Step::RevokeKey(key) => said(tracker.api_keys().revoke(self.key(key)).await),
            Step::Trail { key, session, machine, limit } => {
                let session = session.map(|index| self.session(&index));
                let machine = machine.map(machine_id);
                let key = key.map(|n| KeyId(uuid(u64::from(n))));
                self.trail(&AuditFilter { key, session, machine, ..AuditFilter::default() }, u32::from(*limit)).await
            }
            Step::Beat { session, task, key } => {
                let current_task = match task {
                    None => FieldUpdate::Keep,
                    Some(0) => FieldUpdate::Clear,
                    Some(n) => FieldUpdate::Set(text(&format!("label {n}"))),
                };
                said(
                    tracker
                        .sessions()
                        .record_heartbeat(
                            self.session(session),
                            &HeartbeatReport { current_task, metadata: patch(*key) },
                        )
                        .await,
                )
            }
            Step::Patch { session, target, key } => {
                let status = match target {
                    0 => Some(SessionTarget::Active),
                    1 => Some(SessionTarget::Paused),
                    2 => Some(SessionTarget::Stalled),
                    3 => Some(SessionTarget::Completed),
                    4 => Some(SessionTarget::Failed(text("it broke"))),
                    _ => None,
                };
                let patch = SessionPatch { status, metadata: patch(*key), ..SessionPatch::default() };
                said(tracker.sessions().update(self.session(session), &patch).await)
            }
            Step::MarkFailed(session) => {
                said(tracker.sessions().mark_failed(self.session(session), text("gone"), None).await)
            }
            Step::MarkStalled(session) => said(tracker.sessions().mark_stalled(self.session(session)).await),
            Step::Prepare { session, release } => {
                let slot = if *release { SlotRelease::Release } else { SlotRelease::Hold };
                said(tracker.sessions().prepare_recovery(self.session(session), slot).await)
            }
            Step::Recover { session, machine, slot, reset } => {
                let failed_tasks = if *reset { FailedTasks::Reset } else { FailedTasks::Leave };
                let recovery =
                    Recovery { new_machine_id: machine_id(*machine), docker_slot: slot_of(*slot), failed_tasks };
                let answer = tracker.sessions().recover(self.session(session), &recovery).await;
                if let Ok(rekindle_core::use_cases::Recovered::Created(successor)) = &answer {
                    self.sessions.push(successor.value.id);
                    let copies =
                        tracker.store().read(queries::tasks_of(successor.value.id, &TaskStatus::ALL)).await.unwrap();
                    self.tasks.extend(copies.iter().map(|row| row.value.id));
                }
                said(answer)
            }
            Step::Archive(session) => said(tracker.sessions().archive(self.session(session)).await),
            Step::Delete(session) => said(tracker.sessions().delete(self.session(session), None).await),
            Step::CreateTask(session) => {
                let session_id = self.session(session);
                let project = tracker.sessions().get(session_id).await.map(|row| row.value.project_id);
                let new = NewTask {
                    session_id,
                    project_id: project.unwrap_or_else(|_| text("p0")),
                    github_issue_id: Some(text("#7")),
                    name: text("work"),
                    metadata: sample::metadata(json!({})),
                };
                let made = tracker.tasks().create(new).await;
                self.tasks.extend(made.iter().map(|row| row.value.id));
                said(made)
            }
            Step::PatchTask { task, target, key } => {
                let status = match target {
                    0 => Some(TaskTarget::Pending),
                    1 => Some(TaskTarget::InProgress),
                    2 => Some(TaskTarget::Blocked),
                    3 => Some(TaskTarget::Completed),
                    4 => Some(TaskTarget::Failed(text("red"))),
                    _ => None,
                };
                let patch = TaskPatch { status, metadata: patch(*key), ..TaskPatch::default() };
                said(tracker.tasks().update(self.task(task), &patch).await)
            }
            Step::DeleteTask(task) => said(tracker.tasks().delete(self.task(task), None).await),
            Step::PutMachine { machine, slots } => {
                let new = NewMachine {
                    hostname: text("host"),
                    docker_slots: slots_of(*slots),
                    metadata: sample::metadata(json!({})),
                };
                said(tracker.machines().put(machine_id(*machine), new, None).await)
            }
            Step::PatchMachine { machine, status, slots } => {
                let patch = MachinePatch {
                    status: status.map(|n| MachineStatus::ALL[usize::from(n)]),
                    docker_slots: slots.map(slots_of),
                    ..MachinePatch::default()
                };
                said(tracker.machines().update(&machine_id(*machine), &patch).await)
            }
            Step::BeatMachine(machine) => said(tracker.machines().record_heartbeat(&machine_id(*machine)).await),
            Step::DeleteMachine(machine) => said(tracker.machines().delete(&machine_id(*machine), None).await),
            Step::Detect => said(tracker.detect().await),
            Step::Cleanup { days, dry } => {
                let mode = if *dry { CleanupMode::DryRun } else { CleanupMode::Delete };
                said(tracker.cleanup(Some(u32::from(*days)), mode, &mut |_| ()).await)
            }
            Step::List { project, status, archived, limit } => {
                let filter = SessionFilter {
                    project_id: project.map(|n| text(&format!("p{n}"))),
                    status: status.map(|n| SessionStatus::ALL[usize::from(n)]),
                    archived: *archived,
                    ..SessionFilter::default()
                };
                self.pages(&filter, u32::from(*limit)).await
            }
            Step::RecoveryState(session) => said(tracker.sessions().recovery_state(self.session(session)).await),
        }
    }

    /// All that the store holds, in words.
    pub async fn everything(&self) -> String {
        let all = PageRequest { limit: 10_000, start: Start::Offset(0) };
        let store = self.store();
        let mut words = self.pages(&SessionFilter::default(), 7).await;
        words += &said(store.read(queries::tasks(&TaskFilter::default(), all)).await.map(|page| page.items));
        words += &said(store.read(queries::machines(&MachineFilter::default(), all)).await.map(|page| page.items));
        words += &said(store.read(queries::counts()).await);
        words += &said(store.read(queries::detector_state()).await);
        words += &said(self.tracker.sessions().stalled(50).await);
        let events = store.events(None, 100_000).await.unwrap();
        for recorded in events {
            words += &format!("{:?}\n", recorded.event);
        }
        words += &self.trail(&AuditFilter::default(), 50).await;
        words += &said(store.read(queries::keys()).await);
        words
    }

    /// A list, page by page. Cursors are the store's own and are not compared.
    async fn pages(&self, filter: &SessionFilter, limit: u32) -> String {
        let mut words = String::new();
        let mut start = Start::Offset(0);
        loop {
            let page = self.tracker.sessions().list(filter, PageRequest { limit, start }).await.unwrap();
            words += &format!("{} of {}: {:?}\n", page.items.len(), page.total, page.items);
            let Some(next) = page.next else { return words };
            start = Start::After(next);
        }
    }

    fn session(&self, index: &Index) -> SessionId {
        if self.sessions.is_empty() { SessionId(uuid(u64::MAX)) } else { *index.get(&self.sessions) }
    }

    fn task(&self, index: &Index) -> TaskId {
        if self.tasks.is_empty() { TaskId(uuid(u64::MAX)) } else { *index.get(&self.tasks) }
    }
}

fn new_session(project: u8, machine: u8, slot: Option<u8>) -> NewSession {
    NewSession {
        project_id: text(&format!("p{project}")),
        machine_id: machine_id(machine),
        docker_slot: slot_of(slot),
        metadata: sample::metadata(json!({ "made": true })),
    }
}

pub(super) fn said(answer: impl std::fmt::Debug) -> String {
    format!("{answer:?}\n")
}

fn machine_id(n: u8) -> MachineId {
    text(&format!("m{n}"))
}

fn slot_of(n: Option<u8>) -> Option<Slot> {
    n.map(|n| Slot(u16::from(n)))
}

/// The slots whose bits are set.
fn slots_of(bits: u8) -> Slots {
    Slots::try_from((0..3).filter(|n| bits & (1 << n) != 0).map(Slot).collect::<Vec<_>>()).unwrap()
}

/// Sets a key, or removes it.
fn patch(key: Option<u8>) -> Option<MetadataPatch> {
    let value = |n: u8| if n.is_multiple_of(2) { json!(n) } else { json!(null) };
    key.map(|n| MetadataPatch(sample::metadata(json!({ format!("k{}", n / 2): value(n) })).as_map().clone()))
}
