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
    /// The server's own, in every collection.
    pub const ID: &str = "_id_";
    /// The events in their order.
    pub const EVENTS: &str = "position_1";
    /// What was done with a key, the latest first.
    pub const EVENTS_BY_KEY: &str = "by_key_1_position_-1";
    /// What happened to a session and its tasks, the latest first.
    pub const EVENTS_OF_SESSION: &str = "session_id_1_position_-1";
    /// What happened to a machine, the latest first.
    pub const EVENTS_OF_MACHINE: &str = "machine_id_1_position_-1";
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
    /// Whether the server deletes a document some time after the time in this index.
    pub expires: Option<Expires>,
}

/// When the server deletes a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// When the retention span has passed since that time.
    AfterRetention,
    /// When that time has come.
    AtOnce,
}

impl Index {
    const fn of(name: &'static str, key: Document) -> Self {
        Self { name, key, unique: false, partial: None, expires: None }
    }

    fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    fn partial(self, filter: Document) -> Self {
        Self { partial: Some(filter), ..self }
    }

    fn expires(self, expires: Expires) -> Self {
        Self { expires: Some(expires), ..self }
    }

    /// How many seconds after the time in this index the server deletes a document, if the retention span is this.
    pub fn expires_after(&self, retention: i32) -> Option<i32> {
        self.expires.map(|expires| match expires {
            Expires::AfterRetention => retention,
            Expires::AtOnce => 0,
        })
    }

    /// As `createIndexes` wants it.
    pub fn specification(&self, retention: i32) -> Document {
        let mut specification = doc! { "name": self.name, "key": self.key.clone() };
        if self.unique {
            specification.insert("unique", true);
        }
        if let Some(filter) = &self.partial {
            specification.insert("partialFilterExpression", filter.clone());
        }
        if let Some(seconds) = self.expires_after(retention) {
            specification.insert("expireAfterSeconds", seconds);
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
        "answers" => vec![Index::of("until_1", doc! { "until": 1 }).expires(Expires::AtOnce)],
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
        Index::of(name::RETENTION, doc! { "completed_at": 1 })
            .partial(doc! { "archived_at": Bson::Null })
            .expires(Expires::AfterRetention),
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
        Index::of(name::RETENTION, doc! { "session_ended_at": 1 }).expires(Expires::AfterRetention),
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

/// An event is in those of the trail from when it has a position: a commit that appends it does not pay for them.
fn events() -> Vec<Index> {
    let trail = |name, field: &str| {
        Index::of(name, doc! { field: 1, "position": -1 }).partial(doc! { field: present(), "position": present() })
    };
    vec![
        Index::of(name::EVENTS, doc! { "position": 1 }).unique().partial(doc! { "position": present() }),
        Index::of("pending", doc! { "pending": 1, "_id": 1 }).partial(doc! { "pending": true }),
        Index::of("kept_with_1", doc! { "kept_with": 1 }).partial(doc! { "kept_with": present() }),
        Index::of("loose", doc! { "at": 1 }).partial(doc! { "loose": true }),
        trail(name::EVENTS_BY_KEY, "by_key"),
        trail(name::EVENTS_OF_SESSION, "session_id"),
        trail(name::EVENTS_OF_MACHINE, "machine_id"),
    ]
}
