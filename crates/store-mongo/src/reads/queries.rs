//! Every question there is but the lists, as pure functions: what is asked can be looked at without a server.

use bson::{Bson, Document, doc};
use rekindle_core::domain::session::SessionStatus;
use rekindle_core::domain::task::TaskStatus;
use rekindle_core::store::{AuditFilter, IdempotencyKey};
use rekindle_core::values::{MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};

use crate::documents::{date, session, stored_response};
use crate::query::{CollectionName, Count, Query};
use crate::schema::indexes::name;

/// One session.
pub fn session(id: SessionId) -> Query {
    Query::of(CollectionName::Sessions, doc! { "session_id": id.to_string() }, name::SESSION).limited(1)
}

/// One task.
pub fn task(id: TaskId) -> Query {
    Query::of(CollectionName::Tasks, doc! { "task_id": id.to_string() }, name::TASK).limited(1)
}

/// One machine.
pub fn machine(id: &MachineId) -> Query {
    Query::of(CollectionName::Machines, doc! { "machine_id": id.as_str() }, name::MACHINE).limited(1)
}

/// The tasks of a session in these statuses, in any order: they are few enough to be sorted here.
pub fn tasks_of(session: SessionId, statuses: &[TaskStatus]) -> Query {
    let statuses: Vec<_> = statuses.iter().map(|status| Bson::String(status.as_str().to_owned())).collect();
    let filter = doc! { "session_id": session.to_string(), "status": { "$in": statuses } };
    Query::of(CollectionName::Tasks, filter, name::SESSION_AND_STATUS)
}

/// The active session of a project on a machine.
pub fn active_session(project: &ProjectId, machine: &MachineId) -> Query {
    let status = SessionStatus::Active.as_str();
    let filter = doc! { "project_id": project.as_str(), "machine_id": machine.as_str(), "status": status };
    Query::of(CollectionName::Sessions, filter, name::ONE_ACTIVE).limited(1).showing(session::id_fields())
}

/// The live session that holds a slot.
pub fn slot_holder(machine: &MachineId, slot: Slot) -> Query {
    let filter = doc! {
        "machine_id": machine.as_str(),
        "docker_slot": i32::from(slot.0),
        "status": { "$in": session::live_statuses() },
    };
    Query::of(CollectionName::Sessions, filter, name::ONE_PER_SLOT).limited(1).showing(session::id_fields())
}

/// The live sessions of machines, oldest first for each.
pub fn live_sessions(machines: &[MachineId]) -> Query {
    let machines: Vec<_> = machines.iter().map(|id| Bson::String(id.as_str().to_owned())).collect();
    let filter = doc! { "machine_id": { "$in": machines }, "status": { "$in": session::live_statuses() } };
    Query::of(CollectionName::Sessions, filter, name::LIVE)
        .sorted(doc! { "machine_id": 1, "created_at": 1, "_id": 1 })
        .showing(session::live_fields())
}

/// Every API key, in any order: they are few enough to be sorted here.
pub fn keys() -> Query {
    Query::of(CollectionName::Keys, Document::new(), name::ID)
}

/// The answer that stands under an idempotency key. The server takes those whose time is over some time later.
pub fn remembered(key: &IdempotencyKey, now: Timestamp) -> Query {
    let filter = doc! { "_id": stored_response::id(key), "until": { "$gt": date(now) } };
    Query::of(CollectionName::Answers, filter, name::ID).limited(1)
}

/// The events like this that have a position, the latest first. Of several conditions the one that leaves the fewest
/// chooses the index; what happened, and when, is looked at on the way.
pub fn trail(filter: &AuditFilter, before: Option<i64>, limit: u32) -> Query {
    // Also without a limit it says that there is one: only such events are in these indexes.
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

/// How many sessions are in this status.
pub fn in_status(status: SessionStatus) -> Count {
    Count {
        within: CollectionName::Sessions,
        filter: doc! { "status": status.as_str() },
        hint: name::SESSIONS_BY_STATUS,
    }
}

/// Longest silent first.
fn by_silence() -> Document {
    doc! { "last_heartbeat": 1, "_id": 1 }
}

fn overdue(status: &str, heard_before: Timestamp) -> Document {
    doc! { "status": status, "last_heartbeat": { "$lt": date(heard_before) } }
}

fn stalled() -> Document {
    doc! { "status": SessionStatus::Stalled.as_str() }
}

/// The stalled sessions.
pub fn stalled_sessions(limit: u32) -> Query {
    Query::of(CollectionName::Sessions, stalled(), name::SILENCE).sorted(by_silence()).limited(limit)
}

/// How many sessions are stalled, and how many overdue.
pub fn silent_counts(heard_before: Timestamp) -> [Count; 2] {
    [stalled(), overdue(SessionStatus::Active.as_str(), heard_before)].map(|filter| Count {
        within: CollectionName::Sessions,
        filter,
        hint: name::SILENCE,
    })
}

/// The active sessions last heard before this time.
pub fn overdue_sessions(heard_before: Timestamp, limit: u32) -> Query {
    let filter = overdue(SessionStatus::Active.as_str(), heard_before);
    Query::of(CollectionName::Sessions, filter, name::SILENCE).sorted(by_silence()).limited(limit)
}

/// The online machines last heard before this time.
pub fn overdue_machines(heard_before: Timestamp, limit: u32) -> Query {
    let filter = overdue("online", heard_before);
    Query::of(CollectionName::Machines, filter, name::SILENCE).sorted(by_silence()).limited(limit)
}

/// The active session, and the online machine, that was heard the longest time ago.
pub fn earliest_heartbeats() -> [Query; 2] {
    [(CollectionName::Sessions, SessionStatus::Active.as_str()), (CollectionName::Machines, "online")].map(
        |(within, status)| {
            Query::of(within, doc! { "status": status }, name::SILENCE)
                .sorted(doc! { "last_heartbeat": 1 })
                .limited(1)
                .showing(doc! { "_id": 0, "last_heartbeat": 1 })
        },
    )
}

fn ended_by(ended_by: Timestamp) -> Document {
    doc! { "archived_at": null, "completed_at": { "$lte": date(ended_by) } }
}

/// What retention may delete, oldest first; of the same time the earlier recorded first, as the index keeps them.
pub fn expired(by: Timestamp, limit: u32) -> Query {
    Query::of(CollectionName::Sessions, ended_by(by), name::RETENTION)
        .sorted(doc! { "completed_at": 1 })
        .limited(limit)
        .showing(session::expired_fields())
}

/// How many sessions retention may delete.
pub fn expired_sessions(by: Timestamp) -> Count {
    Count { within: CollectionName::Sessions, filter: ended_by(by), hint: name::RETENTION }
}

/// How many tasks they have, as the stages of an aggregate on the sessions: one figure, or none when there are none.
pub fn expired_tasks(by: Timestamp) -> Vec<Document> {
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
