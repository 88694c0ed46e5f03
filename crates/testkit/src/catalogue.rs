//! Every query of the catalogue with sample values, so that tests can check how a store runs each of them.

use rekindle_core::store::{
    Cursor, IdempotencyKey, MachineFilter, PageRequest, Query, SessionFilter, Start, TaskFilter, TypedQuery,
    queries as find,
};
use rekindle_core::{
    MachineId, MachineStatus, ProjectId, SessionId, SessionStatus, Slot, TaskId, TaskStatus, Timestamp,
};

use crate::sample::{NOON, session, task};

/// The values that the queries look for.
#[derive(Debug, Clone)]
pub struct Values {
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
    /// A place in the middle of the lists.
    pub cursor: Cursor,
    /// The time before which a heartbeat is overdue.
    pub cutoff: Timestamp,
    /// The time by which a session has ended that retention may delete.
    pub ended_by: Timestamp,
    /// An idempotency key with a stored response.
    pub key: IdempotencyKey,
    /// The most records of a list.
    pub limit: u32,
}

impl Default for Values {
    fn default() -> Self {
        let session = session(1);
        Self {
            session: session.id,
            task: task(2, &session).id,
            lineage: session.id,
            project: session.project_id,
            machine: session.machine_id,
            slot: Slot(1),
            cursor: Cursor { created_at: NOON, mark: 1 },
            cutoff: NOON,
            ended_by: NOON,
            key: IdempotencyKey([1; 32]),
            limit: 10,
        }
    }
}

/// Returns every query, with what distinguishes it from others of its name.
pub fn queries(values: &Values) -> Vec<(String, Query)> {
    let Values { session, task, project, machine, slot, lineage, cursor, cutoff, ended_by, key, limit } = values;
    let (limit, cutoff, ended_by) = (*limit, *cutoff, *ended_by);
    let mut all = Vec::new();
    let mut add = |query: Query| all.push((query.name().to_owned(), query));
    add(data(&find::session(*session)));
    add(data(&find::task(*task)));
    add(data(&find::machine(machine)));
    add(data(&find::tasks_of(*session, &TaskStatus::ALL)));
    add(data(&find::active_session(project, machine)));
    add(data(&find::slot_holder(machine, *slot)));
    add(data(&find::live_sessions(std::slice::from_ref(machine))));
    add(data(&find::counts()));
    add(data(&find::stalled_sessions(cutoff, limit)));
    add(data(&find::overdue_sessions(cutoff, limit)));
    add(data(&find::overdue_machines(cutoff, limit)));
    add(data(&find::earliest_heartbeat()));
    add(data(&find::detector_state()));
    add(data(&find::expired(ended_by, limit)));
    add(data(&find::expired_counts(ended_by)));
    add(data(&find::keys()));
    add(data(&find::stored_response(key, cutoff)));
    for (from, start) in [("the start", Start::Offset(0)), ("a cursor", Start::After(*cursor))] {
        let page = PageRequest { limit, start };
        let mut list = |of: &str, query: Query| all.push((format!("{}{of} from {from}", query.name()), query));
        let none = SessionFilter::default;
        for (of, filter) in [
            ("", none()),
            (" of a project", SessionFilter { project_id: Some(project.clone()), ..none() }),
            (" of a machine", SessionFilter { machine_id: Some(machine.clone()), ..none() }),
            (" in a status", SessionFilter { status: Some(SessionStatus::Completed), ..none() }),
            (" of a lineage", SessionFilter { lineage_id: Some(*lineage), ..none() }),
            (" in the archive", SessionFilter { archived: Some(true), ..none() }),
            (" outside the archive", SessionFilter { archived: Some(false), ..none() }),
        ] {
            list(of, data(&find::sessions(&filter, page)));
        }
        let none = TaskFilter::default;
        for (of, filter) in [
            ("", none()),
            (" of a session", TaskFilter { session_id: Some(*session), ..none() }),
            (" of a project", TaskFilter { project_id: Some(project.clone()), ..none() }),
            (" in a status", TaskFilter { status: Some(TaskStatus::Completed), ..none() }),
        ] {
            list(of, data(&find::tasks(&filter, page)));
        }
        for (of, status) in [("", None), (" in a status", Some(MachineStatus::Online))] {
            list(of, data(&find::machines(&MachineFilter { status }, page)));
        }
    }
    all
}

fn data<T>(query: &TypedQuery<T>) -> Query {
    query.query().clone()
}

#[cfg(test)]
mod tests;
