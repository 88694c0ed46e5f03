//! Every question of the port, asked. Each takes what it needs as its own, so that it can run in a task of its own.

pub mod lists;
pub mod queries;

use std::cmp::Reverse;
use std::collections::HashSet;

use bson::{RawDocument, doc};
use futures_util::future::{try_join, try_join_all};
use mongodb::options::{FindOneOptions, Hint};
use rekindle_core::domain::api_key::ApiKey;
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::{Session, SessionStatus};
use rekindle_core::domain::task::{Task, TaskStatus};
use rekindle_core::store::{
    DetectorState, Expired, ExpiredCounts, IdempotencyKey, LiveSession, MachineFilter, Page, PageRequest,
    SessionCounts, SessionFilter, StalledSessions, StoreError, StoredResponse, TaskFilter, Versioned,
};
use rekindle_core::values::{MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};

use crate::database::Database;
use crate::documents::fields::naming;
use crate::documents::{self, Marked};
use crate::schema::indexes::name;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The driver or the server says so: `fault` says what it means.
    #[error(transparent)]
    Driver(#[from] mongodb::error::Error),
    /// Already one of ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a question answers.
pub type ReadResult<T> = Result<T, ReadError>;

fn entities<T>(rows: Vec<Marked<T>>) -> Vec<Versioned<T>> {
    rows.into_iter().map(|row| row.entity).collect()
}

/// One session.
pub async fn session(collections: Database, id: SessionId) -> ReadResult<Option<Versioned<Session>>> {
    let found = queries::session(id).one(&collections, documents::session::read).await?;
    Ok(found.map(|row| row.entity))
}

/// One task.
pub async fn task(collections: Database, id: TaskId) -> ReadResult<Option<Versioned<Task>>> {
    let found = queries::task(id).one(&collections, documents::task::read).await?;
    Ok(found.map(|row| row.entity))
}

/// One machine.
pub async fn machine(collections: Database, id: MachineId) -> ReadResult<Option<Versioned<Machine>>> {
    let found = queries::machine(&id).one(&collections, documents::machine::read).await?;
    Ok(found.map(|row| row.entity))
}

/// The tasks of a session in these statuses, in the order in which they were recorded.
pub async fn tasks_of(
    collections: Database,
    session: SessionId,
    statuses: Vec<TaskStatus>,
) -> ReadResult<Vec<Versioned<Task>>> {
    if statuses.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = queries::tasks_of(session, &statuses).all(&collections, documents::task::read).await?;
    rows.sort_by_key(|row| row.mark);
    Ok(entities(rows))
}

/// The active session of a project on a machine.
pub async fn active_session(
    collections: Database,
    project: ProjectId,
    machine: MachineId,
) -> ReadResult<Option<SessionId>> {
    queries::active_session(&project, &machine).one(&collections, documents::session::id).await
}

/// The live session that holds a slot of a machine.
pub async fn slot_holder(collections: Database, machine: MachineId, slot: Slot) -> ReadResult<Option<SessionId>> {
    queries::slot_holder(&machine, slot).one(&collections, documents::session::id).await
}

/// The live sessions of these machines, oldest first for each machine.
pub async fn live_sessions(collections: Database, machines: Vec<MachineId>) -> ReadResult<Vec<LiveSession>> {
    if machines.is_empty() {
        return Ok(Vec::new());
    }
    queries::live_sessions(&machines).all(&collections, documents::session::live).await
}

/// A page of sessions.
pub async fn sessions(collections: Database, filter: SessionFilter, page: PageRequest) -> ReadResult<Page<Session>> {
    let list = lists::sessions(&filter);
    list.ask(&collections, page, documents::session::read, |session| session.created_at).await
}

/// A page of tasks.
pub async fn tasks(collections: Database, filter: TaskFilter, page: PageRequest) -> ReadResult<Page<Task>> {
    lists::tasks(&filter).ask(&collections, page, documents::task::read, |task| task.created_at).await
}

/// A page of machines.
pub async fn machines(collections: Database, filter: MachineFilter, page: PageRequest) -> ReadResult<Page<Machine>> {
    let list = lists::machines(&filter);
    list.ask(&collections, page, documents::machine::read, |machine| machine.created_at).await
}

/// How many sessions there are in each status.
pub async fn counts(collections: Database) -> ReadResult<SessionCounts> {
    let asked = SessionStatus::ALL.map(|status| {
        let count = queries::in_status(status);
        let collections = &collections;
        async move { ReadResult::Ok((status, collections.totals.of(count, collections).await?)) }
    });
    let mut counts = SessionCounts::default();
    for (status, n) in try_join_all(asked).await? {
        *counts.of(status) = n;
    }
    Ok(counts)
}

/// The stalled sessions and the overdue ones, longest silent first, with the number of all of them.
pub async fn silent_sessions(
    collections: Database,
    heard_before: Timestamp,
    limit: u32,
) -> ReadResult<StalledSessions> {
    let counts = queries::silent_counts(heard_before).map(|count| count.ask(&collections));
    // The overdue first: one that is declared stalled in between is found twice, and the other way round it would not be
    // found at all.
    let rows = async {
        let overdue = queries::overdue_sessions(heard_before, limit).all(&collections, documents::session::read);
        let mut rows = overdue.await?;
        let stalled = queries::stalled_sessions(limit).all(&collections, documents::session::read).await?;
        let twice: HashSet<_> = stalled.iter().map(|row| row.mark).collect();
        rows.retain(|row| !twice.contains(&row.mark));
        rows.extend(stalled);
        rows.sort_by_key(|row| (row.entity.value.last_heartbeat, row.mark));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        ReadResult::Ok(rows)
    };
    let (rows, counts) = try_join(rows, try_join_all(counts)).await?;
    Ok(StalledSessions { items: entities(rows), total: counts.into_iter().sum() })
}

/// The active sessions last heard before this time, longest silent first.
pub async fn overdue_sessions(
    collections: Database,
    heard_before: Timestamp,
    limit: u32,
) -> ReadResult<Vec<Versioned<Session>>> {
    let asked = queries::overdue_sessions(heard_before, limit).all(&collections, documents::session::read);
    asked.await.map(entities)
}

/// The online machines last heard before this time, longest silent first.
pub async fn overdue_machines(
    collections: Database,
    heard_before: Timestamp,
    limit: u32,
) -> ReadResult<Vec<Versioned<Machine>>> {
    let asked = queries::overdue_machines(heard_before, limit).all(&collections, documents::machine::read);
    asked.await.map(entities)
}

/// The earliest heartbeat of an active session or an online machine.
pub async fn earliest_heartbeat(collections: Database) -> ReadResult<Option<Timestamp>> {
    fn heard(document: &RawDocument) -> Result<Timestamp, StoreError> {
        naming("sessions or machines", "_id", document, |fields| fields.time("last_heartbeat"))
    }
    let [session, machine] = queries::earliest_heartbeats().map(|query| query.one(&collections, heard));
    let (session, machine) = try_join(session, machine).await?;
    Ok(session.into_iter().chain(machine).min())
}

/// What the detector last noted of itself.
pub async fn watch(collections: Database) -> ReadResult<Option<DetectorState>> {
    let options = FindOneOptions::builder().max_time(collections.call_timeout).build();
    let found = collections.watch.find_one(doc! { "_id": "detector" }).with_options(options).await?;
    let note = found.map(|note| {
        naming("watch", "_id", &note, |fields| {
            Ok(DetectorState {
                last_pass_at: fields.time("looked_at")?,
                next_pass_due: fields.time("due_by")?,
                grace_until: fields.time("silence_from")?,
            })
        })
    });
    Ok(note.transpose()?)
}

/// Every API key, the latest first.
pub async fn keys(collections: Database) -> ReadResult<Vec<Versioned<ApiKey>>> {
    let mut rows = queries::keys().all(&collections, documents::key::read).await?;
    rows.sort_by_key(|row| Reverse((row.entity.value.created_at, row.mark)));
    Ok(entities(rows))
}

/// The answer that stands under an idempotency key.
pub async fn remembered(
    collections: Database,
    key: IdempotencyKey,
    now: Timestamp,
) -> ReadResult<Option<StoredResponse>> {
    queries::remembered(&key, now).one(&collections, documents::stored_response::read).await
}

/// What retention may delete, oldest first.
pub async fn expired(collections: Database, ended_by: Timestamp, limit: u32) -> ReadResult<Vec<Expired>> {
    queries::expired(ended_by, limit).all(&collections, documents::session::expired).await
}

/// How much retention would delete.
pub async fn expired_counts(collections: Database, ended_by: Timestamp) -> ReadResult<ExpiredCounts> {
    let sessions = queries::expired_sessions(ended_by).ask(&collections);
    let tasks = collections
        .sessions
        .aggregate(queries::expired_tasks(ended_by))
        .hint(Hint::Name(name::RETENTION.to_owned()))
        .max_time(collections.call_timeout);
    let tasks = async {
        let mut cursor = tasks.await?;
        if !cursor.advance().await? {
            return ReadResult::Ok(0);
        }
        let n = naming("sessions", "_id", cursor.current(), |fields| fields.number_or_none("n"))?;
        Ok(n.unwrap_or(0))
    };
    let (sessions, tasks) = try_join(sessions, tasks).await?;
    Ok(ExpiredCounts { sessions, tasks })
}
