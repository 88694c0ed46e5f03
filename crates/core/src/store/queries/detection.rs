//! Queries of the detection of silence.

use std::collections::HashSet;

use super::TypedQuery;
use crate::domain::machine::{Machine, MachineStatus};
use crate::domain::session::{Session, SessionStatus};
use crate::store::Versioned;
use crate::store::changes::DetectorState;
use crate::store::entity::Entity;
use crate::store::lists::StalledSessions;
use crate::store::query::{Count, Order, Query, Selection, Test};
use crate::values::Timestamp;

/// Longest silent first.
const BY_HEARTBEAT: Order = Order::By(&["last_heartbeat"]);

fn in_status<T: Entity>(status: &'static str) -> Selection {
    Selection::by_index::<T>("silence").is("status", status).ordered(BY_HEARTBEAT)
}

fn overdue<T: Entity>(status: &'static str, silent_since: Timestamp) -> Selection {
    in_status::<T>(status).with("last_heartbeat", Test::Below(silent_since.into()))
}

/// Finds the active sessions whose last heartbeat came before `cutoff`, longest silent first, at most `limit`.
pub fn overdue_sessions(cutoff: Timestamp, limit: u32) -> TypedQuery<Vec<Versioned<Session>>> {
    let overdue = overdue::<Session>(SessionStatus::Active.as_str(), cutoff).limited(limit);
    TypedQuery::new(Query::new("overdue_sessions", vec![overdue], Vec::new()), |mut found| found.entities())
}

/// Finds the online machines whose last heartbeat came before `cutoff`, longest silent first, at most `limit`.
pub fn overdue_machines(cutoff: Timestamp, limit: u32) -> TypedQuery<Vec<Versioned<Machine>>> {
    let overdue = overdue::<Machine>(MachineStatus::Online.as_str(), cutoff).limited(limit);
    TypedQuery::new(Query::new("overdue_machines", vec![overdue], Vec::new()), |mut found| found.entities())
}

/// Finds the stalled sessions, and the active ones whose last heartbeat came before `cutoff`: longest silent first, at
/// most `limit`, with the number of all of them.
pub fn stalled_sessions(cutoff: Timestamp, limit: u32) -> TypedQuery<StalledSessions> {
    let stalled = in_status::<Session>(SessionStatus::Stalled.as_str());
    let overdue = overdue::<Session>(SessionStatus::Active.as_str(), cutoff);
    let counts = [&stalled, &overdue].map(|of| Count { of: of.clone(), exact: true });
    // The overdue first: without a snapshot a session that becomes stalled in between is then found twice; the other
    // way round it would be missed.
    let query = Query::new("silent_sessions", vec![overdue.limited(limit), stalled.limited(limit)], counts.into());
    TypedQuery::new(query, move |mut found| {
        let total = found.count(0)?.saturating_add(found.count(1)?);
        let (overdue, mut rows) = (found.marked::<Session>()?, found.marked::<Session>()?);
        let stalled: HashSet<u128> = rows.iter().map(|row| row.mark).collect();
        rows.extend(overdue.into_iter().filter(|row| !stalled.contains(&row.mark)));
        rows.sort_by_key(|row| (row.entity.value.last_heartbeat, row.mark));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(StalledSessions { items: rows.into_iter().map(|row| row.entity).collect(), total })
    })
}

/// Finds the earliest last heartbeat among the active sessions and online machines; the next deadline follows from it.
pub fn earliest_heartbeat() -> TypedQuery<Option<Timestamp>> {
    let session = in_status::<Session>(SessionStatus::Active.as_str());
    let machine = in_status::<Machine>(MachineStatus::Online.as_str());
    let earliest = [session, machine].map(|selection| selection.limited(1).projected(&["last_heartbeat"]));
    TypedQuery::new(Query::new("earliest_heartbeat", earliest.into(), Vec::new()), |mut found| {
        let (session, machine) = (found.fields()?, found.fields()?);
        let heard = session.into_iter().chain(machine).map(|mut row| row.next::<Timestamp>());
        Ok(heard.collect::<Result<Vec<_>, _>>()?.into_iter().min())
    })
}

/// Finds what the last detection pass stored; `None` before the first one.
pub fn detector_state() -> TypedQuery<Option<DetectorState>> {
    let state = Selection::by_index::<DetectorState>("").limited(1);
    TypedQuery::new(Query::new("watch", vec![state], Vec::new()), |mut found| {
        Ok(found.entities::<DetectorState>()?.pop().map(|found| found.value))
    })
}
