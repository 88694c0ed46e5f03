//! The query parameters of the API: what clients send. The server reads them one by one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::machine::MachineStatus;
use crate::session::SessionStatus;
use crate::task::TaskStatus;
use crate::time::Time;

macro_rules! query {
    (
        $(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),+ $(,)? }
        $($(#[$pdoc:meta])* flatten $part:ident: $part_type:ty)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
        pub struct $name {
            $(
                $(#[$fdoc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )+
            $(
                $(#[$pdoc])*
                #[serde(flatten)]
                #[cfg_attr(feature = "schema", param(ignore))]
                pub $part: $part_type,
            )?
        }
    };
}

query! {
    /// Where a page of a list begins: at the start of the list, if it is empty.
    Paging {
        /// How many to skip; not together with `cursor`.
        #[cfg_attr(feature = "schema", param(minimum = 0, nullable = false))]
        offset: u64,
        /// The `next_cursor` of an earlier answer: goes on from there in constant time.
        #[cfg_attr(feature = "schema", param(nullable = false, pattern = "^[0-9a-fA-F]{48}$"))]
        cursor: String,
    }
}

query! {
    /// Which sessions, and which part of their list.
    SessionQuery {
        /// Of this project.
        #[cfg_attr(feature = "schema", param(min_length = 1, max_length = 200, nullable = false))]
        project_id: String,
        /// On this machine.
        #[cfg_attr(feature = "schema", param(min_length = 1, max_length = 200, nullable = false))]
        machine_id: String,
        /// In this status.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        status: SessionStatus,
        /// Archived ones only (true), or only those that are not (false).
        #[cfg_attr(feature = "schema", param(nullable = false))]
        archived: bool,
        /// Of this chain of recoveries.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        lineage_id: Uuid,
        /// How many at most.
        #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 100, default = 50, nullable = false))]
        limit: u32,
    }
    /// Where the page begins.
    flatten paging: Paging
}

query! {
    /// Which part of the list of archived sessions.
    ArchivedQuery {
        /// How many at most.
        #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 100, default = 50, nullable = false))]
        limit: u32,
    }
    /// Where the page begins.
    flatten paging: Paging
}

query! {
    /// Which tasks, and which part of their list.
    TaskQuery {
        /// Of this session.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        session_id: Uuid,
        /// Of this project.
        #[cfg_attr(feature = "schema", param(min_length = 1, max_length = 200, nullable = false))]
        project_id: String,
        /// In this status.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        status: TaskStatus,
        /// How many at most.
        #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200, default = 50, nullable = false))]
        limit: u32,
    }
    /// Where the page begins.
    flatten paging: Paging
}

query! {
    /// Which machines, and which part of their list.
    MachineQuery {
        /// In this status.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        status: MachineStatus,
        /// How many at most.
        #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 100, default = 50, nullable = false))]
        limit: u32,
    }
    /// Where the page begins.
    flatten paging: Paging
}

query! {
    /// How many silent sessions.
    StalledQuery {
        /// How many at most.
        #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 1000, default = 100, nullable = false))]
        limit: u32,
    }
}

query! {
    /// What a cleanup deletes.
    CleanupQuery {
        /// The age in days; `RETENTION_DAYS` if absent.
        #[cfg_attr(feature = "schema", param(minimum = 0, maximum = 4_294_967_295_u64, format = Int64, nullable = false))]
        older_than_days: u32,
        /// Whether to tell only, and delete nothing.
        #[cfg_attr(feature = "schema", param(default = false, nullable = false))]
        dry_run: bool,
    }
}

query! {
    /// Which part of the audit trail.
    AuditQuery {
        /// Done with this key.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        key_id: Uuid,
        /// Of this session or one of its tasks.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        session_id: Uuid,
        /// Of this machine.
        #[cfg_attr(feature = "schema", param(min_length = 1, max_length = 200, nullable = false))]
        machine_id: String,
        /// Of this kind, such as `session.recovered` or `access.refused`.
        #[cfg_attr(feature = "schema", param(nullable = false, pattern = "^(session|task|machine|key|access)\\.[a-z_]+$"))]
        kind: String,
        /// At this time or later.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        since: Time,
        /// Before this time.
        #[cfg_attr(feature = "schema", param(nullable = false))]
        until: Time,
        /// How many at most.
        #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200, nullable = false))]
        limit: u32,
        /// The `next_cursor` of an earlier answer.
        #[cfg_attr(feature = "schema", param(nullable = false, pattern = "^([0-9a-f]{2})+$"))]
        cursor: String,
    }
}
