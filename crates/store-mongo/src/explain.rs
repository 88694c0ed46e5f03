//! For the tests of query plans: every question that a user or the detector can put, as `explain` wants it.

use std::collections::BTreeMap;

use bson::Document;
use rekindle_core::domain::machine::MachineStatus;
use rekindle_core::domain::session::SessionStatus;
use rekindle_core::domain::task::TaskStatus;
use rekindle_core::store::{
    AuditFilter, Cursor, IdempotencyKey, MachineFilter, PageRequest, SessionFilter, Start, TaskFilter,
};
use rekindle_core::values::{KeyId, MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};

use crate::query::{Count, Query};
use crate::reads::lists::{self, List};
use crate::reads::queries;

/// What the questions are about.
#[derive(Debug, Clone)]
pub struct Subjects {
    /// A session that has tasks.
    pub session: SessionId,
    /// One of its tasks.
    pub task: TaskId,
    /// A project.
    pub project: ProjectId,
    /// A machine.
    pub machine: MachineId,
    /// A slot that is held there.
    pub slot: Slot,
    /// A chain of recoveries.
    pub lineage: SessionId,
    /// A place in the middle of the lists.
    pub cursor: Cursor,
    /// Before this, silence is too long.
    pub heard_before: Timestamp,
    /// By this, what has ended is old.
    pub ended_by: Timestamp,
    /// A key with which things were done.
    pub key: KeyId,
    /// An idempotency key under which an answer stands.
    pub answer: IdempotencyKey,
    /// The number of a position in the middle of the events.
    pub position: i64,
    /// How many are wanted.
    pub limit: u32,
}

/// A command, and the index that it names.
#[derive(Debug, Clone)]
pub struct Question {
    /// What `explain` takes.
    pub command: Document,
    /// The index.
    pub index: &'static str,
}

impl From<Query> for Question {
    fn from(query: Query) -> Self {
        Self { command: query.command(), index: query.hint }
    }
}

impl From<Count> for Question {
    fn from(count: Count) -> Self {
        Self { command: count.command(), index: count.hint }
    }
}

/// Every question, by name.
pub fn questions(about: &Subjects) -> BTreeMap<String, Question> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, question: Question| {
        all.insert(name.to_owned(), question);
    };
    let (limit, before, by) = (about.limit, about.heard_before, about.ended_by);
    add("session", queries::session(about.session).into());
    add("task", queries::task(about.task).into());
    add("machine", queries::machine(&about.machine).into());
    add("tasks_of", queries::tasks_of(about.session, &TaskStatus::ALL).into());
    add("active_session", queries::active_session(&about.project, &about.machine).into());
    add("slot_holder", queries::slot_holder(&about.machine, about.slot).into());
    add("live_sessions", queries::live_sessions(std::slice::from_ref(&about.machine)).into());
    for status in SessionStatus::ALL {
        add(&format!("count of {status}"), queries::in_status(status).into());
    }
    add("stalled_sessions", queries::stalled_sessions(limit).into());
    for (part, count) in ["stalled", "overdue"].into_iter().zip(queries::silent_counts(before)) {
        add(&format!("count of silent: {part}"), count.into());
    }
    add("overdue_sessions", queries::overdue_sessions(before, limit).into());
    add("overdue_machines", queries::overdue_machines(before, limit).into());
    for (of, query) in ["session", "machine"].into_iter().zip(queries::earliest_heartbeats()) {
        add(&format!("earliest_heartbeat of a {of}"), query.into());
    }
    add("expired", queries::expired(by, limit).into());
    add("count of expired", queries::expired_sessions(by).into());
    add("keys", queries::keys().into());
    add("remembered", queries::remembered(&about.answer, before).into());
    for (name, filter) in trails(about) {
        for (from, start) in [("now", None), ("a position", Some(about.position))] {
            add(&format!("{name} from {from}"), queries::trail(&filter, start, limit).into());
        }
    }
    for (name, list) in lists(about) {
        for (from, start) in [("the start", Start::Offset(0)), ("a cursor", Start::After(about.cursor))] {
            for (n, part) in list.page(PageRequest { limit, start }).into_iter().enumerate() {
                add(&format!("{name} from {from}, part {n}"), part.into());
            }
        }
        add(&format!("total of {name}"), list.total().into());
    }
    all
}

fn trails(about: &Subjects) -> Vec<(&'static str, AuditFilter)> {
    let all = AuditFilter::default;
    vec![
        ("trail", all()),
        ("trail of a key", AuditFilter { key: Some(about.key), ..all() }),
        ("trail of a session", AuditFilter { session: Some(about.session), ..all() }),
        ("trail of a machine", AuditFilter { machine: Some(about.machine.clone()), ..all() }),
    ]
}

fn lists(about: &Subjects) -> Vec<(&'static str, List)> {
    let all = SessionFilter::default;
    let sessions = |filter: SessionFilter| lists::sessions(&filter);
    let tasks = |filter: TaskFilter| lists::tasks(&filter);
    let machines = |status| lists::machines(&MachineFilter { status });
    vec![
        ("sessions", sessions(all())),
        ("sessions of a project", sessions(SessionFilter { project_id: Some(about.project.clone()), ..all() })),
        ("sessions of a machine", sessions(SessionFilter { machine_id: Some(about.machine.clone()), ..all() })),
        ("sessions in a status", sessions(SessionFilter { status: Some(SessionStatus::Completed), ..all() })),
        ("sessions of a lineage", sessions(SessionFilter { lineage_id: Some(about.lineage), ..all() })),
        ("archived sessions", sessions(SessionFilter { archived: Some(true), ..all() })),
        ("tasks", tasks(TaskFilter::default())),
        ("tasks of a session", tasks(TaskFilter { session_id: Some(about.session), ..TaskFilter::default() })),
        ("tasks of a project", tasks(TaskFilter { project_id: Some(about.project.clone()), ..TaskFilter::default() })),
        ("tasks in a status", tasks(TaskFilter { status: Some(TaskStatus::Completed), ..TaskFilter::default() })),
        ("machines", machines(None)),
        ("machines in a status", machines(Some(MachineStatus::Online))),
    ]
}
