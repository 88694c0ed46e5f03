//! Every question of the port, asked. Each takes what it needs as its own, so that it can run in a task of its own.

pub mod lists;
pub mod questions;

use std::cmp::Reverse;
use std::collections::HashSet;

use bson::{RawDocument, doc};
use futures_util::future::{try_join, try_join_all};
use mongodb::options::{FindOneOptions, Hint};
use rekindle_core::access::ApiKey;
use rekindle_core::machine::Machine;
use rekindle_core::session::{Session, SessionStatus};
use rekindle_core::store::{
    Counts, Expired, ExpiredCounts, IdempotencyKey, LiveSession, MachineFilter, Page, PageRequest, Remembered,
    SessionFilter, SilentSessions, StoreError, TaskFilter, Versioned, Watch,
};
use rekindle_core::task::{Task, TaskStatus};
use rekindle_core::values::{MachineId, ProjectId, SessionId, Slot, TaskId, Timestamp};

use crate::collections::Collections;
use crate::documents::fields::naming;
use crate::documents::{self, Marked};
use crate::schema::indexes::name;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The driver or the server says so: `fault` says what it means.
    #[error(transparent)]
    Driver(#[from] mongodb::error::Error),
    /// Already one of ours.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a question answers.
pub type Answered<T> = Result<T, ReadFault>;

fn entities<T>(rows: Vec<Marked<T>>) -> Vec<Versioned<T>> {
    rows.into_iter().map(|row| row.entity).collect()
}

/// One session.
pub async fn session(collections: Collections, id: SessionId) -> Answered<Option<Versioned<Session>>> {
    let found = questions::session(id).one(&collections, documents::session::read).await?;
    Ok(found.map(|row| row.entity))
}

/// One task.
pub async fn task(collections: Collections, id: TaskId) -> Answered<Option<Versioned<Task>>> {
    let found = questions::task(id).one(&collections, documents::task::read).await?;
    Ok(found.map(|row| row.entity))
}

/// One machine.
pub async fn machine(collections: Collections, id: MachineId) -> Answered<Option<Versioned<Machine>>> {
    let found = questions::machine(&id).one(&collections, documents::machine::read).await?;
    Ok(found.map(|row| row.entity))
}

/// The tasks of a session in these statuses, in the order in which they were recorded.
pub async fn tasks_of(
    collections: Collections,
    session: SessionId,
    statuses: Vec<TaskStatus>,
) -> Answered<Vec<Versioned<Task>>> {
    if statuses.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = questions::tasks_of(session, &statuses).all(&collections, documents::task::read).await?;
    rows.sort_by_key(|row| row.mark);
    Ok(entities(rows))
}

/// The active session of a project on a machine.
pub async fn active_session(
    collections: Collections,
    project: ProjectId,
    machine: MachineId,
) -> Answered<Option<SessionId>> {
    questions::active_session(&project, &machine).one(&collections, documents::session::id).await
}

/// The live session that holds a slot of a machine.
pub async fn slot_holder(collections: Collections, machine: MachineId, slot: Slot) -> Answered<Option<SessionId>> {
    questions::slot_holder(&machine, slot).one(&collections, documents::session::id).await
}

/// The live sessions of these machines, oldest first for each machine.
pub async fn live_sessions(collections: Collections, machines: Vec<MachineId>) -> Answered<Vec<LiveSession>> {
    if machines.is_empty() {
        return Ok(Vec::new());
    }
    questions::live_sessions(&machines).all(&collections, documents::session::live).await
}

/// A page of sessions.
pub async fn sessions(collections: Collections, filter: SessionFilter, page: PageRequest) -> Answered<Page<Session>> {
    let list = lists::sessions(&filter);
    list.ask(&collections, page, documents::session::read, |session| session.created_at).await
}

/// A page of tasks.
pub async fn tasks(collections: Collections, filter: TaskFilter, page: PageRequest) -> Answered<Page<Task>> {
    lists::tasks(&filter).ask(&collections, page, documents::task::read, |task| task.created_at).await
}

/// A page of machines.
pub async fn machines(collections: Collections, filter: MachineFilter, page: PageRequest) -> Answered<Page<Machine>> {
    let list = lists::machines(&filter);
    list.ask(&collections, page, documents::machine::read, |machine| machine.created_at).await
}

/// How many sessions there are in each status.
pub async fn counts(collections: Collections) -> Answered<Counts> {
    let asked = SessionStatus::ALL.map(|status| {
        let count = questions::in_status(status);
        let collections = &collections;
        async move { Answered::Ok((status, collections.totals.of(count, collections).await?)) }
    });
    let mut counts = Counts::default();
    for (status, n) in try_join_all(asked).await? {
        *counts.of(status) = n;
    }
    Ok(counts)
}

/// The stalled sessions and the overdue ones, longest silent first, with the number of all of them.
pub async fn silent_sessions(
    collections: Collections,
    heard_before: Timestamp,
    limit: u32,
) -> Answered<SilentSessions> {
    let counts = questions::silent_counts(heard_before).map(|count| count.ask(&collections));
    // The overdue first: one that is declared stalled in between is found twice, and the other way round it would not be
    // found at all.
    let rows = async {
        let overdue = questions::overdue_sessions(heard_before, limit).all(&collections, documents::session::read);
        let mut rows = overdue.await?;
        let stalled = questions::stalled_sessions(limit).all(&collections, documents::session::read).await?;
        let twice: HashSet<_> = stalled.iter().map(|row| row.mark).collect();
        rows.retain(|row| !twice.contains(&row.mark));
        rows.extend(stalled);
        rows.sort_by_key(|row| (row.entity.value.last_heartbeat, row.mark));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Answered::Ok(rows)
    };
    let (rows, counts) = try_join(rows, try_join_all(counts)).await?;
    Ok(SilentSessions { items: entities(rows), total: counts.into_iter().sum() })
}

/// The active sessions last heard before this time, longest silent first.
pub async fn overdue_sessions(
    collections: Collections,
    heard_before: Timestamp,
    limit: u32,
) -> Answered<Vec<Versioned<Session>>> {
    let asked = questions::overdue_sessions(heard_before, limit).all(&collections, documents::session::read);
    asked.await.map(entities)
}

/// The online machines last heard before this time, longest silent first.
pub async fn overdue_machines(
    collections: Collections,
    heard_before: Timestamp,
    limit: u32,
) -> Answered<Vec<Versioned<Machine>>> {
    let asked = questions::overdue_machines(heard_before, limit).all(&collections, documents::machine::read);
    asked.await.map(entities)
}

/// The earliest heartbeat of an active session or an online machine.
pub async fn earliest_heartbeat(collections: Collections) -> Answered<Option<Timestamp>> {
    fn heard(document: &RawDocument) -> Result<Timestamp, StoreError> {
        naming("sessions or machines", "_id", document, |fields| fields.time("last_heartbeat"))
    }
    let [session, machine] = questions::earliest_heartbeats().map(|query| query.one(&collections, heard));
    let (session, machine) = try_join(session, machine).await?;
    Ok(session.into_iter().chain(machine).min())
}

/// What the detector last noted of itself.
pub async fn watch(collections: Collections) -> Answered<Option<Watch>> {
    let options = FindOneOptions::builder().max_time(collections.call_timeout).build();
    let found = collections.watch.find_one(doc! { "_id": "detector" }).with_options(options).await?;
    let note = found.map(|note| {
        naming("watch", "_id", &note, |fields| {
            Ok(Watch {
                looked_at: fields.time("looked_at")?,
                due_by: fields.time("due_by")?,
                silence_from: fields.time("silence_from")?,
            })
        })
    });
    Ok(note.transpose()?)
}

/// Every API key, the latest first.
pub async fn keys(collections: Collections) -> Answered<Vec<Versioned<ApiKey>>> {
    let mut rows = questions::keys().all(&collections, documents::key::read).await?;
    rows.sort_by_key(|row| Reverse((row.entity.value.created_at, row.mark)));
    Ok(entities(rows))
}

/// The answer that stands under an idempotency key.
pub async fn remembered(collections: Collections, key: IdempotencyKey, now: Timestamp) -> Answered<Option<Remembered>> {
    questions::remembered(&key, now).one(&collections, documents::answer::read).await
}

/// What retention may delete, oldest first.
pub async fn expired(collections: Collections, ended_by: Timestamp, limit: u32) -> Answered<Vec<Expired>> {
    questions::expired(ended_by, limit).all(&collections, documents::session::expired).await
}

/// How much retention would delete.
pub async fn expired_counts(collections: Collections, ended_by: Timestamp) -> Answered<ExpiredCounts> {
    let sessions = questions::expired_sessions(ended_by).ask(&collections);
    let tasks = collections
        .sessions
        .aggregate(questions::expired_tasks(ended_by))
        .hint(Hint::Name(name::RETENTION.to_owned()))
        .max_time(collections.call_timeout);
    let tasks = async {
        let mut cursor = tasks.await?;
        if !cursor.advance().await? {
            return Answered::Ok(0);
        }
        let n = naming("sessions", "_id", cursor.current(), |fields| fields.number_or_none("n"))?;
        Ok(n.unwrap_or(0))
    };
    let (sessions, tasks) = try_join(sessions, tasks).await?;
    Ok(ExpiredCounts { sessions, tasks })
}
