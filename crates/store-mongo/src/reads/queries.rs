//! Every query but those of the lists, as pure functions: they can be inspected without a server.

use bson::{Bson, Document, doc};
use rekindle_core::domain::session::SessionStatus;
use rekindle_core::domain::task::TaskStatus;
use rekindle_core::store::{AuditFilter, IdempotencyKey};
use rekindle_core::values::{MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};

use crate::documents::{date, session, stored_response};
use crate::query::{CollectionName, Count, Query};
use crate::schema::indexes::name;

pub(crate) fn session(id: SessionId) -> Query {
    Query::of(CollectionName::Sessions, doc! { "session_id": id.to_string() }, name::SESSION).limited(1)
}

pub(crate) fn task(id: TaskId) -> Query {
    Query::of(CollectionName::Tasks, doc! { "task_id": id.to_string() }, name::TASK).limited(1)
}

pub(crate) fn machine(id: &MachineId) -> Query {
    Query::of(CollectionName::Machines, doc! { "machine_id": id.as_str() }, name::MACHINE).limited(1)
}

/// Finds the tasks of a session in these statuses, unordered: they are few enough to be sorted in memory.
pub(crate) fn tasks_of(session: SessionId, statuses: &[TaskStatus]) -> Query {
    let statuses: Vec<_> = statuses.iter().map(|status| Bson::String(status.as_str().to_owned())).collect();
    let filter = doc! { "session_id": session.to_string(), "status": { "$in": statuses } };
    Query::of(CollectionName::Tasks, filter, name::SESSION_AND_STATUS)
}

/// Finds the active session of a project on a machine.
pub(crate) fn active_session(project: &ProjectId, machine: &MachineId) -> Query {
    let status = SessionStatus::Active.as_str();
    let filter = doc! { "project_id": project.as_str(), "machine_id": machine.as_str(), "status": status };
    Query::of(CollectionName::Sessions, filter, name::ONE_ACTIVE).limited(1).projected(session::id_fields())
}

/// Finds the live session that holds a slot.
pub(crate) fn slot_holder(machine: &MachineId, slot: Slot) -> Query {
    let filter = doc! {
        "machine_id": machine.as_str(),
        "docker_slot": i32::from(slot.0),
        "status": { "$in": session::live_statuses() },
    };
    Query::of(CollectionName::Sessions, filter, name::ONE_PER_SLOT).limited(1).projected(session::id_fields())
}

/// Finds the live sessions of machines, oldest first for each machine.
pub(crate) fn live_sessions(machines: &[MachineId]) -> Query {
    let machines: Vec<_> = machines.iter().map(|id| Bson::String(id.as_str().to_owned())).collect();
    let filter = doc! { "machine_id": { "$in": machines }, "status": { "$in": session::live_statuses() } };
    Query::of(CollectionName::Sessions, filter, name::LIVE)
        .sorted(doc! { "machine_id": 1, "created_at": 1, "_id": 1 })
        .projected(session::live_fields())
}

/// Finds every API key, unordered: they are few enough to be sorted in memory.
pub(crate) fn keys() -> Query {
    Query::of(CollectionName::Keys, Document::new(), name::ID)
}

/// Finds the response that is stored under an idempotency key. The server deletes expired ones with a delay.
pub(crate) fn stored_response(key: &IdempotencyKey, now: Timestamp) -> Query {
    let filter = doc! { "_id": stored_response::id(key), "until": { "$gt": date(now) } };
    Query::of(CollectionName::Answers, filter, name::ID).limited(1)
}

/// Finds the events that match and have a position, the latest first. Of several conditions the most selective one
/// chooses the index; the kind and the time are checked row by row.
pub(crate) fn audit_log(filter: &AuditFilter, before: Option<i64>, limit: u32) -> Query {
    // The condition on the position stays even where no limit is given: only events with a position are in these
    // indexes.
    let mut wanted = doc! { "position": before.map_or(doc! { "$gt": 0_i64 }, |before| doc! { "$lt": before }) };
    let mut hint = name::EVENTS;
    if let Some(key) = filter.key {
        wanted.insert("by_key", key.to_string());
        hint = name::EVENTS_BY_KEY;
    }
    if let Some(machine) = &filter.machine {
        wanted.insert("machine_id", machine.as_str());
        hint = name::EVENTS_OF_MACHINE;
    }
    if let Some(session) = filter.session {
        wanted.insert("session_id", session.to_string());
        hint = name::EVENTS_OF_SESSION;
    }
    if let Some(kind) = filter.kind {
        wanted.insert("kind", kind.as_str());
    }
    let mut at = Document::new();
    at.extend(filter.since.map(|since| ("$gte".to_owned(), date(since).into())));
    at.extend(filter.until.map(|until| ("$lt".to_owned(), date(until).into())));
    if !at.is_empty() {
        wanted.insert("at", at);
    }
    Query::of(CollectionName::Events, wanted, hint).sorted(doc! { "position": -1 }).limited(limit)
}

/// Counts the sessions in a status.
pub(crate) fn in_status(status: SessionStatus) -> Count {
    Count {
        collection: CollectionName::Sessions,
        filter: doc! { "status": status.as_str() },
        hint: name::SESSIONS_BY_STATUS,
    }
}

/// Longest silent first.
fn longest_silent_first() -> Document {
    doc! { "last_heartbeat": 1, "_id": 1 }
}

fn overdue(status: &str, heard_before: Timestamp) -> Document {
    doc! { "status": status, "last_heartbeat": { "$lt": date(heard_before) } }
}

fn stalled() -> Document {
    doc! { "status": SessionStatus::Stalled.as_str() }
}

pub(crate) fn stalled_sessions(limit: u32) -> Query {
    Query::of(CollectionName::Sessions, stalled(), name::BY_HEARTBEAT).sorted(longest_silent_first()).limited(limit)
}

/// Counts the stalled sessions, and the overdue ones.
pub(crate) fn stalled_counts(heard_before: Timestamp) -> [Count; 2] {
    [stalled(), overdue(SessionStatus::Active.as_str(), heard_before)].map(|filter| Count {
        collection: CollectionName::Sessions,
        filter,
        hint: name::BY_HEARTBEAT,
    })
}

/// Finds the active sessions whose last heartbeat was before this time.
pub(crate) fn overdue_sessions(heard_before: Timestamp, limit: u32) -> Query {
    let filter = overdue(SessionStatus::Active.as_str(), heard_before);
    Query::of(CollectionName::Sessions, filter, name::BY_HEARTBEAT).sorted(longest_silent_first()).limited(limit)
}

/// Finds the online machines whose last heartbeat was before this time.
pub(crate) fn overdue_machines(heard_before: Timestamp, limit: u32) -> Query {
    let filter = overdue("online", heard_before);
    Query::of(CollectionName::Machines, filter, name::BY_HEARTBEAT).sorted(longest_silent_first()).limited(limit)
}

/// Finds the earliest heartbeat of an active session, and that of an online machine.
pub(crate) fn earliest_heartbeats() -> [Query; 2] {
    [(CollectionName::Sessions, SessionStatus::Active.as_str()), (CollectionName::Machines, "online")].map(
        |(collection, status)| {
            Query::of(collection, doc! { "status": status }, name::BY_HEARTBEAT)
                .sorted(doc! { "last_heartbeat": 1 })
                .limited(1)
                .projected(doc! { "_id": 0, "last_heartbeat": 1 })
        },
    )
}

fn ended_by(ended_by: Timestamp) -> Document {
    doc! { "archived_at": null, "completed_at": { "$lte": date(ended_by) } }
}

/// Finds what retention may delete, oldest first; of the same time in the order of the index, which is that of
/// recording.
pub(crate) fn expired(by: Timestamp, limit: u32) -> Query {
    Query::of(CollectionName::Sessions, ended_by(by), name::RETENTION)
        .sorted(doc! { "completed_at": 1 })
        .limited(limit)
        .projected(session::expired_fields())
}

/// Counts the sessions that retention may delete.
pub(crate) fn expired_sessions(by: Timestamp) -> Count {
    Count { collection: CollectionName::Sessions, filter: ended_by(by), hint: name::RETENTION }
}

/// Returns the pipeline, over sessions, that counts their tasks: one row, or none when there are no sessions.
pub(crate) fn expired_tasks(by: Timestamp) -> Vec<Document> {
    let tasks = doc! {
        "from": CollectionName::Tasks.name(),
        "localField": "session_id",
        "foreignField": "session_id",
        "pipeline": [{ "$count": "n" }],
        "as": "tasks",
    };
    vec![
        doc! { "$match": ended_by(by) },
        doc! { "$project": { "_id": 0, "session_id": 1 } },
        doc! { "$lookup": tasks },
        doc! { "$group": { "_id": null, "n": { "$sum": { "$sum": "$tasks.n" } } } },
    ]
}
