//! Every index, in the order in which they are made: the server checks unique ones in this order, so that a session
//! that breaks several rules violates the id before the active session, that before the slot, and the successor last.
//! Only two of the sessions' indexes hold `last_heartbeat`: each one that a heartbeat moves costs throughput.

use bson::{Bson, Document, doc};

use crate::documents::session::live_statuses;

/// The names of the indexes that queries use.
pub(crate) mod name {
    pub(crate) const SESSION: &str = "session_id_1";
    pub(crate) const TASK: &str = "task_id_1";
    pub(crate) const MACHINE: &str = "machine_id_1";
    /// One active session per project and machine.
    pub(crate) const ONE_ACTIVE: &str = "one_active";
    /// One live session per machine and slot.
    pub(crate) const ONE_PER_SLOT: &str = "one_per_slot";
    /// One successor per session.
    pub(crate) const ONE_SUCCESSOR: &str = "one_successor";
    /// The live sessions, oldest first for each machine.
    pub(crate) const LIVE: &str = "live";
    /// The rows whose heartbeat is watched, longest silent first.
    pub(crate) const BY_HEARTBEAT: &str = "silence";
    /// The ended sessions that are not archived; also the server's TTL index.
    pub(crate) const RETENTION: &str = "retention";
    /// All rows, newest first.
    pub(crate) const BY_CREATION: &str = "created_at_-1__id_-1";
    /// The rows of a project, newest first.
    pub(crate) const BY_PROJECT: &str = "project_id_1_created_at_-1__id_-1";
    /// The sessions of a machine, newest first.
    pub(crate) const BY_MACHINE: &str = "machine_id_1_created_at_-1__id_-1";
    /// The tasks of a session, newest first.
    pub(crate) const BY_SESSION: &str = "session_id_1_created_at_-1__id_-1";
    /// The sessions of a lineage, newest first.
    pub(crate) const BY_LINEAGE: &str = "lineage_id_1_created_at_-1__id_-1";
    pub(crate) const SESSIONS_BY_STATUS: &str = "status_1_created_at_-1__id_-1";
    pub(crate) const TASKS_BY_STATUS: &str = "status_1_created_at_-1__id_-1";
    pub(crate) const MACHINES_BY_STATUS: &str = "status_1_created_at_-1__id_-1";
    /// The archived sessions, newest first.
    pub(crate) const ARCHIVED: &str = "archived";
    /// The tasks of a session by status.
    pub(crate) const SESSION_AND_STATUS: &str = "session_id_1_status_1";
    /// The server's own index of every collection.
    pub(crate) const ID: &str = "_id_";
    /// The events in their order.
    pub(crate) const EVENTS: &str = "position_1";
    /// The events of an actor's key, the latest first.
    pub(crate) const EVENTS_BY_KEY: &str = "by_key_1_position_-1";
    /// The events of a session and its tasks, the latest first.
    pub(crate) const EVENTS_OF_SESSION: &str = "session_id_1_position_-1";
    /// The events of a machine, the latest first.
    pub(crate) const EVENTS_OF_MACHINE: &str = "machine_id_1_position_-1";
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Index {
    pub(crate) name: &'static str,
    /// The fields, each with its direction.
    pub(crate) key: Document,
    pub(crate) unique: bool,
    /// The filter of a partial index.
    pub(crate) partial: Option<Document>,
    /// When the server deletes a document, in a TTL index.
    pub(crate) expires: Option<Expires>,
}

/// When the server deletes a document, by the date that its TTL index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expires {
    /// The retention span after that date.
    AfterRetention,
    /// At that date.
    AtTime,
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

    /// Returns `expireAfterSeconds` of a TTL index.
    pub(crate) fn expires_after(&self, retention: i32) -> Option<i32> {
        self.expires.map(|expires| match expires {
            Expires::AfterRetention => retention,
            Expires::AtTime => 0,
        })
    }

    /// Returns the index as `createIndexes` takes it.
    pub(crate) fn specification(&self, retention: i32) -> Document {
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

/// Returns an index of rows by creation, newest first, behind a prefix.
fn newest_first(name: &'static str, prefix: Document) -> Index {
    let mut key = prefix;
    key.extend(doc! { "created_at": -1, "_id": -1 });
    Index::of(name, key)
}

/// Returns the indexes of a collection.
pub(crate) fn of(collection: &str) -> Vec<Index> {
    match collection {
        "sessions" => sessions(),
        "tasks" => tasks(),
        "machines" => machines(),
        "answers" => vec![Index::of("until_1", doc! { "until": 1 }).expires(Expires::AtTime)],
        "events" => events(),
        _ => Vec::new(),
    }
}

fn exists() -> Document {
    doc! { "$exists": true }
}

fn sessions() -> Vec<Index> {
    let live = doc! { "$in": live_statuses() };
    vec![
        Index::of(name::SESSION, doc! { "session_id": 1 }).unique(),
        Index::of(name::ONE_ACTIVE, doc! { "project_id": 1, "machine_id": 1 })
            .unique()
            .partial(doc! { "status": "active" }),
        // Other programs write null for no slot.
        Index::of(name::ONE_PER_SLOT, doc! { "machine_id": 1, "docker_slot": 1 })
            .unique()
            .partial(doc! { "docker_slot": { "$gte": 0 }, "status": live.clone() }),
        Index::of(name::ONE_SUCCESSOR, doc! { "recovered_from": 1 })
            .unique()
            .partial(doc! { "recovered_from": exists() }),
        Index::of("project_id_1_status_1", doc! { "project_id": 1, "status": 1 }),
        Index::of("machine_id_1", doc! { "machine_id": 1 }),
        Index::of("last_heartbeat_1", doc! { "last_heartbeat": 1 }),
        Index::of(name::BY_HEARTBEAT, doc! { "status": 1, "last_heartbeat": 1, "_id": 1 })
            .partial(doc! { "status": { "$in": ["active", "stalled"] } }),
        Index::of(name::LIVE, doc! { "machine_id": 1, "created_at": 1, "_id": 1 }).partial(doc! { "status": live }),
        newest_first(name::BY_CREATION, Document::new()),
        newest_first(name::BY_PROJECT, doc! { "project_id": 1 }),
        newest_first(name::BY_MACHINE, doc! { "machine_id": 1 }),
        newest_first(name::SESSIONS_BY_STATUS, doc! { "status": 1 }),
        newest_first(name::BY_LINEAGE, doc! { "lineage_id": 1 }),
        newest_first(name::ARCHIVED, Document::new()).partial(doc! { "archived_at": exists() }),
        // In a filter null also matches a missing field.
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
        newest_first(name::BY_CREATION, Document::new()),
        newest_first(name::BY_SESSION, doc! { "session_id": 1 }),
        newest_first(name::BY_PROJECT, doc! { "project_id": 1 }),
        newest_first(name::TASKS_BY_STATUS, doc! { "status": 1 }),
        Index::of(name::RETENTION, doc! { "session_ended_at": 1 }).expires(Expires::AfterRetention),
    ]
}

fn machines() -> Vec<Index> {
    vec![
        Index::of(name::MACHINE, doc! { "machine_id": 1 }).unique(),
        Index::of("status_1", doc! { "status": 1 }),
        Index::of("last_heartbeat_1", doc! { "last_heartbeat": 1 }),
        Index::of(name::BY_HEARTBEAT, doc! { "status": 1, "last_heartbeat": 1, "_id": 1 })
            .partial(doc! { "status": "online" }),
        newest_first(name::BY_CREATION, Document::new()),
        newest_first(name::MACHINES_BY_STATUS, doc! { "status": 1 }),
    ]
}

/// The indexes of the audit log hold an event only once it has a position: the commit that appends it does not pay for
/// them.
fn events() -> Vec<Index> {
    let audit_log = |name, field: &str| {
        Index::of(name, doc! { field: 1, "position": -1 }).partial(doc! { field: exists(), "position": exists() })
    };
    vec![
        Index::of(name::EVENTS, doc! { "position": 1 }).unique().partial(doc! { "position": exists() }),
        Index::of("pending", doc! { "pending": 1, "_id": 1 }).partial(doc! { "pending": true }),
        Index::of("kept_with_1", doc! { "kept_with": 1 }).partial(doc! { "kept_with": exists() }),
        Index::of("loose", doc! { "at": 1 }).partial(doc! { "loose": true }),
        audit_log(name::EVENTS_BY_KEY, "by_key"),
        audit_log(name::EVENTS_OF_SESSION, "session_id"),
        audit_log(name::EVENTS_OF_MACHINE, "machine_id"),
    ]
}
