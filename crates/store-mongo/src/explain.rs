//! For the tests of query plans: every query that a user or the detector can run, as `explain` takes it.

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

/// The entities and values that the queries look for.
#[derive(Debug, Clone)]
pub struct QuerySubjects {
    /// A session that has tasks.
    pub session: SessionId,
    /// One of its tasks.
    pub task: TaskId,
    /// A project.
    pub project: ProjectId,
    /// A machine.
    pub machine: MachineId,
    /// A slot that is held on the machine.
    pub slot: Slot,
    /// A lineage of sessions.
    pub lineage: SessionId,
    /// A position in the middle of the lists.
    pub cursor: Cursor,
    /// The time before which a heartbeat is overdue.
    pub heard_before: Timestamp,
    /// The time by which a session has ended that retention may delete.
    pub ended_by: Timestamp,
    /// The key of an actor.
    pub key: KeyId,
    /// An idempotency key with a stored response.
    pub answer: IdempotencyKey,
    /// An event position in the middle of the audit log.
    pub position: i64,
    /// The largest number of rows.
    pub limit: u32,
}

/// A command, and the index that it names.
#[derive(Debug, Clone)]
pub struct ExplainedQuery {
    /// The command that `explain` takes.
    pub command: Document,
    /// The name of the index.
    pub index: &'static str,
}

impl From<Query> for ExplainedQuery {
    fn from(query: Query) -> Self {
        Self { command: query.command(), index: query.hint }
    }
}

impl From<Count> for ExplainedQuery {
    fn from(count: Count) -> Self {
        Self { command: count.command(), index: count.hint }
    }
}

/// Returns every query, by name.
pub fn queries_to_explain(subjects: &QuerySubjects) -> BTreeMap<String, ExplainedQuery> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, query: ExplainedQuery| {
        all.insert(name.to_owned(), query);
    };
    let (limit, before, by) = (subjects.limit, subjects.heard_before, subjects.ended_by);
    add("session", queries::session(subjects.session).into());
    add("task", queries::task(subjects.task).into());
    add("machine", queries::machine(&subjects.machine).into());
    add("tasks_of", queries::tasks_of(subjects.session, &TaskStatus::ALL).into());
    add("active_session", queries::active_session(&subjects.project, &subjects.machine).into());
    add("slot_holder", queries::slot_holder(&subjects.machine, subjects.slot).into());
    add("live_sessions", queries::live_sessions(std::slice::from_ref(&subjects.machine)).into());
    for status in SessionStatus::ALL {
        add(&format!("count of {status}"), queries::in_status(status).into());
    }
    add("stalled_sessions", queries::stalled_sessions(limit).into());
    for (part, count) in ["stalled", "overdue"].into_iter().zip(queries::stalled_counts(before)) {
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
    add("remembered", queries::stored_response(&subjects.answer, before).into());
    for (name, filter) in audit_logs(subjects) {
        for (from, start) in [("now", None), ("a position", Some(subjects.position))] {
            add(&format!("{name} from {from}"), queries::audit_log(&filter, start, limit).into());
        }
    }
    for (name, list) in lists(subjects) {
        for (from, start) in [("the start", Start::Offset(0)), ("a cursor", Start::After(subjects.cursor))] {
            for (n, part) in list.page(PageRequest { limit, start }).into_iter().enumerate() {
                add(&format!("{name} from {from}, part {n}"), part.into());
            }
        }
        add(&format!("total of {name}"), list.total().into());
    }
    all
}

fn audit_logs(subjects: &QuerySubjects) -> Vec<(&'static str, AuditFilter)> {
    let all = AuditFilter::default;
    vec![
        ("trail", all()),
        ("trail of a key", AuditFilter { key: Some(subjects.key), ..all() }),
        ("trail of a session", AuditFilter { session: Some(subjects.session), ..all() }),
        ("trail of a machine", AuditFilter { machine: Some(subjects.machine.clone()), ..all() }),
    ]
}

fn lists(subjects: &QuerySubjects) -> Vec<(&'static str, List)> {
    let all = SessionFilter::default;
    let sessions = |filter: SessionFilter| lists::sessions(&filter);
    let tasks = |filter: TaskFilter| lists::tasks(&filter);
    let machines = |status| lists::machines(&MachineFilter { status });
    vec![
        ("sessions", sessions(all())),
        ("sessions of a project", sessions(SessionFilter { project_id: Some(subjects.project.clone()), ..all() })),
        ("sessions of a machine", sessions(SessionFilter { machine_id: Some(subjects.machine.clone()), ..all() })),
        ("sessions in a status", sessions(SessionFilter { status: Some(SessionStatus::Completed), ..all() })),
        ("sessions of a lineage", sessions(SessionFilter { lineage_id: Some(subjects.lineage), ..all() })),
        ("archived sessions", sessions(SessionFilter { archived: Some(true), ..all() })),
        ("tasks", tasks(TaskFilter::default())),
        ("tasks of a session", tasks(TaskFilter { session_id: Some(subjects.session), ..TaskFilter::default() })),
        (
            "tasks of a project",
            tasks(TaskFilter { project_id: Some(subjects.project.clone()), ..TaskFilter::default() }),
        ),
        ("tasks in a status", tasks(TaskFilter { status: Some(TaskStatus::Completed), ..TaskFilter::default() })),
        ("machines", machines(None)),
        ("machines in a status", machines(Some(MachineStatus::Online))),
    ]
}
