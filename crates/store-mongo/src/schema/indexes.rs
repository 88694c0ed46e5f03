//! Every index, in the order in which they are made: the server looks at unique ones in this order, so that who breaks
//! several rules hears of the id before the active session, of that before the slot, and of the successor last. Only
//! two of the sessions' indexes hold `last_heartbeat`: each that a beat moves costs throughput.

use bson::{Bson, Document, doc};

use crate::documents::session::live_statuses;

/// The names that questions use.
pub mod name {
    /// One session.
    pub const SESSION: &str = "session_id_1";
    /// One task.
    pub const TASK: &str = "task_id_1";
    /// One machine.
    pub const MACHINE: &str = "machine_id_1";
    /// One active session per project and machine.
    pub const ONE_ACTIVE: &str = "one_active";
    /// One live session per machine and slot.
    pub const ONE_PER_SLOT: &str = "one_per_slot";
    /// One successor per session.
    pub const ONE_SUCCESSOR: &str = "one_successor";
    /// Live sessions, oldest first for each machine.
    pub const LIVE: &str = "live";
    /// Who fell silent.
    pub const SILENCE: &str = "silence";
    /// What has ended and is not archived, and the server's own clean-up.
    pub const RETENTION: &str = "retention";
    /// All, newest first.
    pub const BY_CREATION: &str = "created_at_-1__id_-1";
    /// A project's, newest first.
    pub const BY_PROJECT: &str = "project_id_1_created_at_-1__id_-1";
    /// A machine's sessions, newest first.
    pub const BY_MACHINE: &str = "machine_id_1_created_at_-1__id_-1";
    /// A session's tasks, newest first.
    pub const BY_SESSION: &str = "session_id_1_created_at_-1__id_-1";
    /// A chain of recoveries, newest first.
    pub const BY_LINEAGE: &str = "lineage_id_1_created_at_-1__id_-1";
    /// Sessions in a status, newest first.
    pub const SESSIONS_BY_STATUS: &str = "status_1_created_at_-1__id_-1";
    /// Tasks in a status, newest first.
    pub const TASKS_BY_STATUS: &str = "status_1_created_at_-1__id_-1";
    /// Machines in a status, newest first.
    pub const MACHINES_BY_STATUS: &str = "status_1_created_at_-1__id_-1";
    /// Archived sessions, newest first.
    pub const ARCHIVED: &str = "archived";
    /// A session's tasks by status.
    pub const SESSION_AND_STATUS: &str = "session_id_1_status_1";
}

/// One index.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Its fields.
    pub key: Document,
    /// Whether no two documents may have the same key.
    pub unique: bool,
    /// Which documents it holds; none: all.
    pub partial: Option<Document>,
    /// Whether the server deletes a document when the retention span has passed since the time in this index.
    pub expires: bool,
}

impl Index {
    const fn of(name: &'static str, key: Document) -> Self {
        Self { name, key, unique: false, partial: None, expires: false }
    }

    fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    fn partial(self, filter: Document) -> Self {
        Self { partial: Some(filter), ..self }
    }

    fn expires(self) -> Self {
        Self { expires: true, ..self }
    }

    /// As `createIndexes` wants it.
    pub fn specification(&self, expire_after: i32) -> Document {
        let mut specification = doc! { "name": self.name, "key": self.key.clone() };
        if self.unique {
            specification.insert("unique", true);
        }
        if let Some(filter) = &self.partial {
            specification.insert("partialFilterExpression", filter.clone());
        }
        if self.expires {
            specification.insert("expireAfterSeconds", expire_after);
        }
        specification
    }
}

/// Newest first.
fn newest(name: &'static str, prefix: Document) -> Index {
    let mut key = prefix;
    key.extend(doc! { "created_at": -1, "_id": -1 });
    Index::of(name, key)
}

/// A collection's indexes.
pub fn of(collection: &str) -> Vec<Index> {
    match collection {
        "sessions" => sessions(),
        "tasks" => tasks(),
        "machines" => machines(),
        "events" => events(),
        _ => Vec::new(),
    }
}

fn present() -> Document {
    doc! { "$exists": true }
}

fn sessions() -> Vec<Index> {
    let live = doc! { "$in": live_statuses() };
    vec![
        Index::of(name::SESSION, doc! { "session_id": 1 }).unique(),
        Index::of(name::ONE_ACTIVE, doc! { "project_id": 1, "machine_id": 1 })
            .unique()
            .partial(doc! { "status": "active" }),
        // A slot that is null, as other programs write it, is none.
        Index::of(name::ONE_PER_SLOT, doc! { "machine_id": 1, "docker_slot": 1 })
            .unique()
            .partial(doc! { "docker_slot": { "$gte": 0 }, "status": live.clone() }),
        Index::of(name::ONE_SUCCESSOR, doc! { "recovered_from": 1 })
            .unique()
            .partial(doc! { "recovered_from": present() }),
        Index::of("project_id_1_status_1", doc! { "project_id": 1, "status": 1 }),
        Index::of("machine_id_1", doc! { "machine_id": 1 }),
        Index::of("last_heartbeat_1", doc! { "last_heartbeat": 1 }),
        Index::of(name::SILENCE, doc! { "status": 1, "last_heartbeat": 1, "_id": 1 })
            .partial(doc! { "status": { "$in": ["active", "stalled"] } }),
        Index::of(name::LIVE, doc! { "machine_id": 1, "created_at": 1, "_id": 1 }).partial(doc! { "status": live }),
        newest(name::BY_CREATION, Document::new()),
        newest(name::BY_PROJECT, doc! { "project_id": 1 }),
        newest(name::BY_MACHINE, doc! { "machine_id": 1 }),
        newest(name::SESSIONS_BY_STATUS, doc! { "status": 1 }),
        newest(name::BY_LINEAGE, doc! { "lineage_id": 1 }),
        newest(name::ARCHIVED, Document::new()).partial(doc! { "archived_at": present() }),
        // Equal to null is also what is not there.
        Index::of(name::RETENTION, doc! { "completed_at": 1 }).partial(doc! { "archived_at": Bson::Null }).expires(),
    ]
}

fn tasks() -> Vec<Index> {
    vec![
        Index::of(name::TASK, doc! { "task_id": 1 }).unique(),
        Index::of(name::SESSION_AND_STATUS, doc! { "session_id": 1, "status": 1 }),
        Index::of("project_id_1", doc! { "project_id": 1 }),
        newest(name::BY_CREATION, Document::new()),
        newest(name::BY_SESSION, doc! { "session_id": 1 }),
        newest(name::BY_PROJECT, doc! { "project_id": 1 }),
        newest(name::TASKS_BY_STATUS, doc! { "status": 1 }),
        Index::of(name::RETENTION, doc! { "session_ended_at": 1 }).expires(),
    ]
}

fn machines() -> Vec<Index> {
    vec![
        Index::of(name::MACHINE, doc! { "machine_id": 1 }).unique(),
        Index::of("status_1", doc! { "status": 1 }),
        Index::of("last_heartbeat_1", doc! { "last_heartbeat": 1 }),
        Index::of(name::SILENCE, doc! { "status": 1, "last_heartbeat": 1, "_id": 1 })
            .partial(doc! { "status": "online" }),
        newest(name::BY_CREATION, Document::new()),
        newest(name::MACHINES_BY_STATUS, doc! { "status": 1 }),
    ]
}

fn events() -> Vec<Index> {
    vec![
        Index::of("position_1", doc! { "position": 1 }).unique().partial(doc! { "position": present() }),
        Index::of("pending", doc! { "pending": 1, "_id": 1 }).partial(doc! { "pending": true }),
        Index::of("kept_with_1", doc! { "kept_with": 1 }).partial(doc! { "kept_with": present() }),
        Index::of("loose", doc! { "at": 1 }).partial(doc! { "loose": true }),
    ]
}
