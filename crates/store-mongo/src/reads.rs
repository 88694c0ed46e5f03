//! Every read of the port. Each owns its arguments, so that it can run in a task of its own.

pub(crate) mod lists;
pub(crate) mod queries;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

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

use crate::count_cache::CountCache;
use crate::database::Database;
use crate::documents::fields::decode;
use crate::documents::{self, Marked};
use crate::error::ReadResult;
use crate::schema::indexes::name;

fn entities<T>(rows: Vec<Marked<T>>) -> Vec<Versioned<T>> {
    rows.into_iter().map(|row| row.entity).collect()
}

pub(crate) async fn session(database: Database, id: SessionId) -> ReadResult<Option<Versioned<Session>>> {
    let found = queries::session(id).one(&database, documents::session::read).await?;
    Ok(found.map(|row| row.entity))
}

pub(crate) async fn task(database: Database, id: TaskId) -> ReadResult<Option<Versioned<Task>>> {
    let found = queries::task(id).one(&database, documents::task::read).await?;
    Ok(found.map(|row| row.entity))
}

pub(crate) async fn machine(database: Database, id: MachineId) -> ReadResult<Option<Versioned<Machine>>> {
    let found = queries::machine(&id).one(&database, documents::machine::read).await?;
    Ok(found.map(|row| row.entity))
}

/// Returns the tasks of a session in these statuses, in the order in which they were recorded.
pub(crate) async fn tasks_of(
    database: Database,
    session: SessionId,
    statuses: Vec<TaskStatus>,
) -> ReadResult<Vec<Versioned<Task>>> {
    if statuses.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = queries::tasks_of(session, &statuses).all(&database, documents::task::read).await?;
    rows.sort_by_key(|row| row.mark);
    Ok(entities(rows))
}

/// Returns the active session of a project on a machine.
pub(crate) async fn active_session(
    database: Database,
    project: ProjectId,
    machine: MachineId,
) -> ReadResult<Option<SessionId>> {
    queries::active_session(&project, &machine).one(&database, documents::session::id).await
}

/// Returns the live session that holds a slot of a machine.
pub(crate) async fn slot_holder(database: Database, machine: MachineId, slot: Slot) -> ReadResult<Option<SessionId>> {
    queries::slot_holder(&machine, slot).one(&database, documents::session::id).await
}

/// Returns the live sessions of these machines, oldest first for each machine.
pub(crate) async fn live_sessions(database: Database, machines: Vec<MachineId>) -> ReadResult<Vec<LiveSession>> {
    if machines.is_empty() {
        return Ok(Vec::new());
    }
    queries::live_sessions(&machines).all(&database, documents::session::live).await
}

pub(crate) async fn sessions(
    database: Database,
    counts: Arc<CountCache>,
    filter: SessionFilter,
    page: PageRequest,
) -> ReadResult<Page<Session>> {
    let list = lists::sessions(&filter);
    list.fetch(&database, &counts, page, documents::session::read, |session| session.created_at).await
}

pub(crate) async fn tasks(
    database: Database,
    counts: Arc<CountCache>,
    filter: TaskFilter,
    page: PageRequest,
) -> ReadResult<Page<Task>> {
    lists::tasks(&filter).fetch(&database, &counts, page, documents::task::read, |task| task.created_at).await
}

pub(crate) async fn machines(
    database: Database,
    counts: Arc<CountCache>,
    filter: MachineFilter,
    page: PageRequest,
) -> ReadResult<Page<Machine>> {
    let list = lists::machines(&filter);
    list.fetch(&database, &counts, page, documents::machine::read, |machine| machine.created_at).await
}

/// Returns the number of sessions in each status.
pub(crate) async fn counts(database: Database, cache: Arc<CountCache>) -> ReadResult<SessionCounts> {
    let totals = SessionStatus::ALL.map(|status| {
        let count = queries::in_status(status);
        let (database, cache) = (&database, &cache);
        async move { ReadResult::Ok((status, cache.total(count, database).await?)) }
    });
    let mut counts = SessionCounts::default();
    for (status, total) in try_join_all(totals).await? {
        *counts.of(status) = total;
    }
    Ok(counts)
}

/// Returns the stalled and the overdue sessions, longest silent first, with their total.
pub(crate) async fn stalled_sessions(
    database: Database,
    heard_before: Timestamp,
    limit: u32,
) -> ReadResult<StalledSessions> {
    let counts = queries::stalled_counts(heard_before).map(|count| count.fetch(&database));
    // The overdue first: a session that becomes stalled in between is then found twice; the other way round it would be
    // missed.
    let rows = async {
        let overdue = queries::overdue_sessions(heard_before, limit).all(&database, documents::session::read);
        let mut rows = overdue.await?;
        let stalled = queries::stalled_sessions(limit).all(&database, documents::session::read).await?;
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

/// Returns the active sessions whose last heartbeat was before this time, longest silent first.
pub(crate) async fn overdue_sessions(
    database: Database,
    heard_before: Timestamp,
    limit: u32,
) -> ReadResult<Vec<Versioned<Session>>> {
    let rows = queries::overdue_sessions(heard_before, limit).all(&database, documents::session::read);
    rows.await.map(entities)
}

/// Returns the online machines whose last heartbeat was before this time, longest silent first.
pub(crate) async fn overdue_machines(
    database: Database,
    heard_before: Timestamp,
    limit: u32,
) -> ReadResult<Vec<Versioned<Machine>>> {
    let rows = queries::overdue_machines(heard_before, limit).all(&database, documents::machine::read);
    rows.await.map(entities)
}

/// Returns the earliest heartbeat of an active session or an online machine.
pub(crate) async fn earliest_heartbeat(database: Database) -> ReadResult<Option<Timestamp>> {
    fn last_heartbeat(document: &RawDocument) -> Result<Timestamp, StoreError> {
        decode("sessions or machines", "_id", document, |fields| fields.time("last_heartbeat"))
    }
    let [session, machine] = queries::earliest_heartbeats().map(|query| query.one(&database, last_heartbeat));
    let (session, machine) = try_join(session, machine).await?;
    Ok(session.into_iter().chain(machine).min())
}

pub(crate) async fn detector_state(database: Database) -> ReadResult<Option<DetectorState>> {
    let options = FindOneOptions::builder().max_time(database.call_timeout).build();
    let found = database.watch.find_one(doc! { "_id": "detector" }).with_options(options).await?;
    let note = found.map(|note| {
        decode("watch", "_id", &note, |fields| {
            Ok(DetectorState {
                last_pass_at: fields.time("looked_at")?,
                next_pass_due: fields.time("due_by")?,
                grace_until: fields.time("silence_from")?,
            })
        })
    });
    Ok(note.transpose()?)
}

/// Returns every API key, the latest first.
pub(crate) async fn keys(database: Database) -> ReadResult<Vec<Versioned<ApiKey>>> {
    let mut rows = queries::keys().all(&database, documents::key::read).await?;
    rows.sort_by_key(|row| Reverse((row.entity.value.created_at, row.mark)));
    Ok(entities(rows))
}

/// Returns the response that is stored under an idempotency key.
pub(crate) async fn stored_response(
    database: Database,
    key: IdempotencyKey,
    now: Timestamp,
) -> ReadResult<Option<StoredResponse>> {
    queries::stored_response(&key, now).one(&database, documents::stored_response::read).await
}

/// Returns what retention may delete, oldest first.
pub(crate) async fn expired(database: Database, ended_by: Timestamp, limit: u32) -> ReadResult<Vec<Expired>> {
    queries::expired(ended_by, limit).all(&database, documents::session::expired).await
}

/// Returns how much retention would delete.
pub(crate) async fn expired_counts(database: Database, ended_by: Timestamp) -> ReadResult<ExpiredCounts> {
    let sessions = queries::expired_sessions(ended_by).fetch(&database);
    let tasks = database
        .sessions
        .aggregate(queries::expired_tasks(ended_by))
        .hint(Hint::Name(name::RETENTION.to_owned()))
        .max_time(database.call_timeout);
    let tasks = async {
        let mut cursor = tasks.await?;
        if !cursor.advance().await? {
            return ReadResult::Ok(0);
        }
        let n = decode("sessions", "_id", cursor.current(), |fields| fields.number_or_none("n"))?;
        Ok(n.unwrap_or(0))
    };
    let (sessions, tasks) = try_join(sessions, tasks).await?;
    Ok(ExpiredCounts { sessions, tasks })
}
