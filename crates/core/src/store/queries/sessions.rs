//! Queries about sessions.

use super::{TypedQuery, by_id, newest_first};
use crate::domain::session::{Session, SessionStatus};
use crate::store::lists::{LiveSession, Page, PageRequest, SessionCounts, SessionFilter};
use crate::store::query::{Count, Fields, Found, Order, Query, Selection, Test};
use crate::store::value::Value;
use crate::store::{StoreError, Versioned};
use crate::values::{MachineId, ProjectId, SessionId, Slot};

/// Finds the session with this id; `None` if there is none.
pub fn session(id: SessionId) -> TypedQuery<Option<Versioned<Session>>> {
    by_id("session", id)
}

/// Finds the active session of a project on a machine; there is at most one.
pub fn active_session(project: &ProjectId, machine: &MachineId) -> TypedQuery<Option<SessionId>> {
    let active = Selection::by_index::<Session>("one_active")
        .is("project_id", project.clone())
        .is("machine_id", machine.clone())
        .is("status", SessionStatus::Active.as_str());
    the_one_of("active_session", active)
}

/// Finds the live session that holds a slot of a machine; there is at most one.
pub fn slot_holder(machine: &MachineId, slot: Slot) -> TypedQuery<Option<SessionId>> {
    let holder =
        Selection::by_index::<Session>("one_per_slot").is("machine_id", machine.clone()).is("docker_slot", slot);
    the_one_of("slot_holder", live(holder))
}

fn the_one_of(name: &'static str, selection: Selection) -> TypedQuery<Option<SessionId>> {
    let query = Query::new(name, vec![selection.limited(1).projected(&["id"])], Vec::new());
    TypedQuery::new(query, |mut found: Found| found.fields()?.pop().map(|mut row| row.next()).transpose())
}

/// Adds the conditions of a live session, by its status and by its end: an index may hold either.
fn live(selection: Selection) -> Selection {
    let live = SessionStatus::ALL.into_iter().filter(|status| status.is_live()).map(SessionStatus::as_str);
    selection.is_one_of("status", live).with("completed_at", Test::Absent)
}

/// Finds the live sessions of these machines, oldest first for each machine.
pub fn live_sessions(machines: &[MachineId]) -> TypedQuery<Vec<LiveSession>> {
    let on_machines = Selection::by_index::<Session>("live").is_one_of("machine_id", machines.iter().cloned());
    let selection = live(on_machines).ordered(Order::By(&["machine_id", "created_at"]));
    let selection = selection.projected(&["id", "machine_id", "docker_slot"]);
    TypedQuery::new(Query::new("live_sessions", vec![selection], Vec::new()), |mut found| {
        let live = |mut row: Fields| {
            Ok(LiveSession { session_id: row.next()?, machine_id: row.next()?, docker_slot: row.next_or_none()? })
        };
        found.fields()?.into_iter().map(live).collect()
    })
}

/// Finds a page of sessions, newest first.
pub fn sessions(filter: &SessionFilter, page: PageRequest) -> TypedQuery<Page<Session>> {
    // A chain of recoveries is short; a machine has fewer sessions than a project, which may have many machines.
    let index = match filter {
        SessionFilter { lineage_id: Some(_), .. } => "lineage",
        SessionFilter { machine_id: Some(_), .. } => "machine",
        SessionFilter { project_id: Some(_), .. } => "project",
        SessionFilter { archived: Some(true), .. } => "archived",
        SessionFilter { status: Some(_), .. } => "status",
        SessionFilter { .. } => "created",
    };
    let archived = match filter.archived {
        Some(true) => Some(Test::Present),
        Some(false) => Some(Test::Absent),
        None => None,
    };
    let mut list = Selection::by_index::<Session>(index)
        .is_if_given("lineage_id", filter.lineage_id)
        .is_if_given("machine_id", filter.machine_id.clone())
        .is_if_given("project_id", filter.project_id.clone())
        .is_if_given("status", filter.status.map(SessionStatus::as_str));
    if let Some(archived) = archived {
        list = list.with("archived_at", archived);
    }
    newest_first("sessions", list, page, |session: &Session| session.created_at)
}

/// Counts the sessions in each status; large numbers may be outdated, as in [`Page::total`].
pub fn counts() -> TypedQuery<SessionCounts> {
    let in_status = |status: SessionStatus| Count {
        of: Selection::by_index::<Session>("status").is("status", Value::from(status.as_str())),
        exact: false,
    };
    let query = Query::new("counts", Vec::new(), SessionStatus::ALL.map(in_status).into());
    TypedQuery::new(query, |found| {
        let mut counts = SessionCounts::default();
        for (place, status) in SessionStatus::ALL.into_iter().enumerate() {
            *counts.of(status) = found.count(place)?;
        }
        Ok::<_, StoreError>(counts)
    })
}
