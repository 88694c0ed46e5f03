//! Every query of the catalogue with sample values, so that a store can be asked how it runs each of them.

use rekindle_core::store::{
    Cursor, IdempotencyKey, MachineFilter, PageRequest, Query, SessionFilter, Start, TaskFilter, TypedQuery, queries,
};
use rekindle_core::{MachineStatus, SessionStatus, TaskStatus};

use crate::sample::{NOON, session, task};

/// Returns every query, with what distinguishes it from others of its name.
pub fn catalogue() -> Vec<(String, Query)> {
    let (session, task) = (session(1), task(2, &session(1)));
    let (project, machine) = (&session.project_id, &session.machine_id);
    let limit = 10;
    let mut all = Vec::new();
    let mut add = |query: Query| all.push((query.name().to_owned(), query));
    add(data(queries::session(session.id)));
    add(data(queries::task(task.id)));
    add(data(queries::machine(machine)));
    add(data(queries::tasks_of(session.id, &TaskStatus::ALL)));
    add(data(queries::active_session(project, machine)));
    add(data(queries::slot_holder(machine, rekindle_core::Slot(1))));
    add(data(queries::live_sessions(std::slice::from_ref(machine))));
    add(data(queries::counts()));
    add(data(queries::stalled_sessions(NOON, limit)));
    add(data(queries::overdue_sessions(NOON, limit)));
    add(data(queries::overdue_machines(NOON, limit)));
    add(data(queries::earliest_heartbeat()));
    add(data(queries::detector_state()));
    add(data(queries::expired(NOON, limit)));
    add(data(queries::expired_counts(NOON)));
    add(data(queries::keys()));
    add(data(queries::stored_response(&IdempotencyKey([1; 32]), NOON)));
    let cursor = Cursor { created_at: NOON, mark: 1 };
    for (from, start) in [("the start", Start::Offset(0)), ("a cursor", Start::After(cursor))] {
        let page = PageRequest { limit, start };
        let mut list = |of: &str, query: Query| all.push((format!("{}{of} from {from}", query.name()), query));
        let none = SessionFilter::default;
        for (of, filter) in [
            ("", none()),
            (" of a project", SessionFilter { project_id: Some(project.clone()), ..none() }),
            (" of a machine", SessionFilter { machine_id: Some(machine.clone()), ..none() }),
            (" in a status", SessionFilter { status: Some(SessionStatus::Completed), ..none() }),
            (" of a lineage", SessionFilter { lineage_id: Some(session.id), ..none() }),
            (" in the archive", SessionFilter { archived: Some(true), ..none() }),
            (" outside the archive", SessionFilter { archived: Some(false), ..none() }),
        ] {
            list(of, data(queries::sessions(&filter, page)));
        }
        let none = TaskFilter::default;
        for (of, filter) in [
            ("", none()),
            (" of a session", TaskFilter { session_id: Some(session.id), ..none() }),
            (" of a project", TaskFilter { project_id: Some(project.clone()), ..none() }),
            (" in a status", TaskFilter { status: Some(TaskStatus::Completed), ..none() }),
        ] {
            list(of, data(queries::tasks(&filter, page)));
        }
        for (of, status) in [("", None), (" in a status", Some(MachineStatus::Online))] {
            list(of, data(queries::machines(&MachineFilter { status }, page)));
        }
    }
    all
}

fn data<T>(query: TypedQuery<T>) -> Query {
    query.query().clone()
}

#[cfg(test)]
mod tests;
