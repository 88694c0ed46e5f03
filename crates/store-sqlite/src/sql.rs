//! Every statement that runs, in one place, so that the tests can ask SQLite how it would run each of them.
//!
//! Each names the index it uses (`INDEXED BY`): a plan then depends on no statistics, and a statement that lost its
//! index fails at once instead of reading a million rows. Statuses that a partial index names are written out,
//! because SQLite must see them to use it.

pub mod audit;
pub mod lists;

/// A session's columns, in the order in which [`crate::rows`] reads them.
macro_rules! session_columns {
    () => {
        "seq, id, project_id, machine_id, docker_slot, status, last_heartbeat, current_task, started_at, completed_at, \
         archived_at, error_message, prepared_at, recovered_into, recovered_at, lineage_id, attempt, recovered_from, \
         created_at, updated_at, revision, touches, metadata"
    };
}

/// A task's columns.
macro_rules! task_columns {
    () => {
        "seq, id, session_id, project_id, github_issue_id, name, status, started_at, completed_at, error_message, \
         copied_from, created_at, updated_at, revision, touches, metadata"
    };
}

/// A machine's columns.
macro_rules! machine_columns {
    () => {
        "seq, id, hostname, docker_slots, status, last_heartbeat, created_at, updated_at, revision, touches, metadata"
    };
}

/// An event's columns.
macro_rules! event_columns {
    () => {
        "position, at, kind, session_id, task_id, machine_id, key_id, by_key, by_address, by_request, detail"
    };
}

pub(crate) use {event_columns, machine_columns, session_columns, task_columns};

// Heartbeats.

// The row is read first, by its id: see [`crate::record_heartbeat`].

pub const BEAT: &str = "UPDATE sessions SET last_heartbeat = ?2 WHERE seq = ?1";
pub const BEAT_MACHINE: &str = "UPDATE machines SET last_heartbeat = ?2 WHERE seq = ?1";

// Changes. The parameters of an insert are those of `crate::params`; an update adds the expected version.

pub const INSERT_SESSION: &str = "INSERT INTO sessions (id, project_id, machine_id, docker_slot, status, last_heartbeat, \
     current_task, started_at, completed_at, archived_at, error_message, prepared_at, recovered_into, recovered_at, \
     lineage_id, attempt, recovered_from, created_at, updated_at, metadata) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";
// An update sets only what can change: SQLite rewrites each index of which a column is set, changed or not.

/// The last parameter: the latest heartbeat that leaves the judgement of a silence standing.
pub const UPDATE_SESSION: &str = "UPDATE sessions INDEXED BY sessions_id SET docker_slot = ?4, status = ?5, \
     last_heartbeat = max(last_heartbeat, ?6), current_task = ?7, completed_at = ?9, archived_at = ?10, \
     error_message = ?11, prepared_at = ?12, recovered_into = ?13, recovered_at = ?14, updated_at = ?19, \
     metadata = ?20, revision = revision + 1 \
     WHERE id = ?1 AND revision = ?21 AND touches = ?22 AND last_heartbeat <= ?23";
pub const INSERT_TASK: &str = "INSERT INTO tasks (id, session_id, project_id, github_issue_id, name, status, started_at, \
     completed_at, error_message, copied_from, created_at, updated_at, metadata) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
pub const UPDATE_TASK: &str = "UPDATE tasks INDEXED BY tasks_id SET status = ?6, started_at = ?7, completed_at = ?8, \
     error_message = ?9, updated_at = ?12, metadata = ?13, revision = revision + 1 \
     WHERE id = ?1 AND revision = ?14 AND touches = ?15";
pub const INSERT_MACHINE: &str = "INSERT INTO machines (id, hostname, docker_slots, status, last_heartbeat, created_at, \
     updated_at, metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
pub const UPDATE_MACHINE: &str = "UPDATE machines INDEXED BY machines_id SET hostname = ?2, docker_slots = ?3, \
     status = ?4, last_heartbeat = max(last_heartbeat, ?5), updated_at = ?7, metadata = ?8, \
     revision = revision + 1 WHERE id = ?1 AND revision = ?9 AND touches = ?10 AND last_heartbeat <= ?11";
pub const TOUCH_SESSION: &str =
    "UPDATE sessions INDEXED BY sessions_id SET touches = touches + 1 WHERE id = ?1 AND revision = ?2";
pub const TOUCH_MACHINE: &str =
    "UPDATE machines INDEXED BY machines_id SET touches = touches + 1 WHERE id = ?1 AND revision = ?2";
pub const DELETE_SESSION: &str =
    "DELETE FROM sessions INDEXED BY sessions_id WHERE id = ?1 AND revision = ?2 AND touches = ?3";
pub const DELETE_TASKS_OF: &str = "DELETE FROM tasks INDEXED BY tasks_session WHERE session_id = ?1";
pub const DELETE_EVENTS_OF: &str =
    "DELETE FROM events INDEXED BY events_session WHERE session_id = ?1 AND kept_with = ?1";
pub const DELETE_TASK: &str = "DELETE FROM tasks INDEXED BY tasks_id WHERE id = ?1 AND revision = ?2 AND touches = ?3";
pub const DELETE_MACHINE: &str =
    "DELETE FROM machines INDEXED BY machines_id WHERE id = ?1 AND revision = ?2 AND touches = ?3";
pub const INSERT_EVENT: &str = "INSERT INTO events (at, kind, session_id, task_id, machine_id, key_id, kept_with, by_key, \
     by_address, by_request, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
pub const INSERT_KEY: &str = "INSERT INTO api_keys (id, name, secret, role, project_id, created_at, expires_at, \
     revoked_at, replaced_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
pub const UPDATE_KEY: &str = "UPDATE api_keys INDEXED BY api_keys_id SET name = ?2, secret = ?3, role = ?4, \
     project_id = ?5, expires_at = ?7, revoked_at = ?8, replaced_by = ?9, revision = revision + 1 \
     WHERE id = ?1 AND revision = ?10 AND touches = ?11";
/// An answer whose time is over is as good as gone: another one takes its place.
pub const INSERT_RESPONSE: &str = "INSERT INTO answers AS old (key, request, answer, at, until) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (key) DO UPDATE SET request = excluded.request, answer = excluded.answer, at = excluded.at, \
     until = excluded.until WHERE old.until <= excluded.at";
/// For each answer that comes two may go, so that they do go.
pub const DELETE_EXPIRED_RESPONSES: &str = "DELETE FROM answers WHERE rowid IN \
     (SELECT rowid FROM answers INDEXED BY answers_until WHERE until <= ?1 ORDER BY until LIMIT 2)";
pub const RESTORE_SESSION: &str =
    "UPDATE sessions INDEXED BY sessions_id SET revision = ?2, touches = ?3 WHERE id = ?1";
pub const RESTORE_TASK: &str = "UPDATE tasks INDEXED BY tasks_id SET revision = ?2, touches = ?3 WHERE id = ?1";
pub const RESTORE_MACHINE: &str =
    "UPDATE machines INDEXED BY machines_id SET revision = ?2, touches = ?3 WHERE id = ?1";
pub const RESTORE_KEY: &str = "UPDATE api_keys INDEXED BY api_keys_id SET revision = ?2, touches = ?3 WHERE id = ?1";
pub const FIRST_WATCH: &str =
    "INSERT OR IGNORE INTO watch (only_row, looked_at, due_by, silence_from) VALUES (1, ?1, ?2, ?3)";
pub const NEXT_WATCH: &str = "UPDATE watch SET looked_at = ?1, due_by = ?2, silence_from = ?3 \
     WHERE only_row = 1 AND looked_at = ?4 AND due_by = ?5 AND silence_from = ?6";
pub const FORGET_EVENTS: &str = "DELETE FROM events WHERE position IN (SELECT position \
     FROM events INDEXED BY events_loose WHERE kept_with IS NULL AND at < ?1 ORDER BY at LIMIT ?2)";
pub const SESSION_EXISTS: &str = "SELECT 1 FROM sessions INDEXED BY sessions_id WHERE id = ?1";
/// Writes a row as it is: what a ping asks for is whether a write gets through.
pub const PING: &str = "UPDATE session_counts SET n = n WHERE status = 'active' AND archived = 0";

// Leases. The time is SQLite's own and stands still within a statement.

/// Parameters: duty, holder, milliseconds. A lease that was taken in the future is over: the clock was set back since.
pub const CLAIM: &str = "INSERT INTO leases AS held (duty, holder, token, since, until) \
     VALUES (?1, ?2, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER) + ?3) \
     ON CONFLICT (duty) DO UPDATE SET token = held.token + (held.holder IS NOT excluded.holder), \
     holder = excluded.holder, since = excluded.since, until = excluded.until \
     WHERE held.holder IS NULL OR held.holder = excluded.holder OR held.until <= excluded.since \
     OR held.since > excluded.since RETURNING token";
pub const RELEASE: &str = "UPDATE leases SET holder = NULL WHERE duty = ?1 AND token = ?2";
pub const LEASE_IS_CURRENT: &str = "SELECT 1 FROM leases WHERE duty = ?1 AND token = ?2 AND holder IS NOT NULL";

// Single entities and the sets that rules need.

pub const SESSION: &str = concat!("SELECT ", session_columns!(), " FROM sessions INDEXED BY sessions_id WHERE id = ?1");
pub const TASK: &str = concat!("SELECT ", task_columns!(), " FROM tasks INDEXED BY tasks_id WHERE id = ?1");
pub const MACHINE: &str = concat!("SELECT ", machine_columns!(), " FROM machines INDEXED BY machines_id WHERE id = ?1");
/// Statuses that are not asked for are bound as null.
pub const TASKS_OF: &str = concat!(
    "SELECT ",
    task_columns!(),
    " FROM tasks INDEXED BY tasks_session WHERE session_id = ?1 AND status IN (?2, ?3, ?4, ?5, ?6) ORDER BY seq"
);
pub const ACTIVE_SESSION: &str = "SELECT id FROM sessions INDEXED BY sessions_one_active \
     WHERE project_id = ?1 AND machine_id = ?2 AND status = 'active'";
pub const SLOT_HOLDER: &str = "SELECT id FROM sessions INDEXED BY sessions_one_per_slot \
     WHERE machine_id = ?1 AND docker_slot = ?2 AND completed_at IS NULL";
pub const LIVE_SESSIONS: &str = "SELECT id, docker_slot FROM sessions INDEXED BY sessions_one_per_slot \
     WHERE machine_id = ?1 AND completed_at IS NULL ORDER BY created_at, seq";

// Detection.

pub const COUNTS: &str = "SELECT status, sum(n) FROM session_counts GROUP BY status";
pub const STALLED: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions INDEXED BY sessions_silence WHERE status = 'stalled' ORDER BY last_heartbeat, seq LIMIT ?1"
);
pub const STALLED_COUNT: &str = "SELECT n FROM session_counts WHERE status = 'stalled' AND archived = 0";
pub const OVERDUE: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions INDEXED BY sessions_silence WHERE status = 'active' AND last_heartbeat < ?1 \
     ORDER BY last_heartbeat, seq LIMIT ?2"
);
pub const OVERDUE_COUNT: &str = "SELECT count(*) FROM sessions INDEXED BY sessions_silence \
     WHERE status = 'active' AND last_heartbeat < ?1";
pub const OVERDUE_MACHINES: &str = concat!(
    "SELECT ",
    machine_columns!(),
    " FROM machines INDEXED BY machines_silence WHERE status = 'online' AND last_heartbeat < ?1 \
     ORDER BY last_heartbeat, seq LIMIT ?2"
);
pub const EARLIEST_SESSION: &str = "SELECT last_heartbeat FROM sessions INDEXED BY sessions_silence \
     WHERE status = 'active' ORDER BY last_heartbeat LIMIT 1";
/// The bound lets SQLite search the index rather than walk it; it excludes nothing.
pub const EARLIEST_MACHINE: &str = "SELECT last_heartbeat FROM machines INDEXED BY machines_silence \
     WHERE status = 'online' AND last_heartbeat <= 9223372036854775807 ORDER BY last_heartbeat LIMIT 1";
pub const WATCH: &str = "SELECT looked_at, due_by, silence_from FROM watch WHERE only_row = 1";

// Retention and events.

pub const EXPIRED: &str = "SELECT seq, id, project_id, completed_at, revision, touches \
     FROM sessions INDEXED BY sessions_ended WHERE completed_at <= ?1 AND archived_at IS NULL \
     ORDER BY completed_at, seq LIMIT ?2";
pub const EXPIRED_COUNT: &str =
    "SELECT count(*) FROM sessions INDEXED BY sessions_ended WHERE completed_at <= ?1 AND archived_at IS NULL";
pub const EXPIRED_TASKS: &str = "SELECT count(*) FROM sessions INDEXED BY sessions_ended \
     CROSS JOIN tasks INDEXED BY tasks_session ON tasks.session_id = sessions.id \
     WHERE sessions.completed_at <= ?1 AND sessions.archived_at IS NULL";
pub const EVENTS: &str =
    concat!("SELECT ", event_columns!(), " FROM events WHERE position > ?1 ORDER BY position LIMIT ?2");

// Keys and answers.

/// The bound excludes nothing: it makes the walk a search.
pub const KEYS: &str = "SELECT seq, id, name, secret, role, project_id, created_at, expires_at, revoked_at, replaced_by, \
     revision, touches FROM api_keys INDEXED BY api_keys_created WHERE created_at <= 9223372036854775807 \
     ORDER BY created_at DESC, seq DESC";
pub const REMEMBERED: &str = "SELECT rowid, key, request, answer, at, until FROM answers INDEXED BY answers_key \
     WHERE key = ?1 AND until > ?2";

/// All that is fixed, for the tests that look at plans.
#[cfg(test)]
pub const ALL: &[&str] = &[
    BEAT,
    BEAT_MACHINE,
    INSERT_SESSION,
    UPDATE_SESSION,
    INSERT_TASK,
    UPDATE_TASK,
    INSERT_MACHINE,
    UPDATE_MACHINE,
    TOUCH_SESSION,
    TOUCH_MACHINE,
    DELETE_SESSION,
    DELETE_TASKS_OF,
    DELETE_EVENTS_OF,
    DELETE_TASK,
    DELETE_MACHINE,
    INSERT_EVENT,
    INSERT_KEY,
    UPDATE_KEY,
    INSERT_RESPONSE,
    DELETE_EXPIRED_RESPONSES,
    RESTORE_SESSION,
    RESTORE_TASK,
    RESTORE_MACHINE,
    RESTORE_KEY,
    FIRST_WATCH,
    NEXT_WATCH,
    FORGET_EVENTS,
    SESSION_EXISTS,
    PING,
    CLAIM,
    RELEASE,
    LEASE_IS_CURRENT,
    SESSION,
    TASK,
    MACHINE,
    TASKS_OF,
    ACTIVE_SESSION,
    SLOT_HOLDER,
    LIVE_SESSIONS,
    COUNTS,
    STALLED,
    STALLED_COUNT,
    OVERDUE,
    OVERDUE_COUNT,
    OVERDUE_MACHINES,
    EARLIEST_SESSION,
    EARLIEST_MACHINE,
    WATCH,
    EXPIRED,
    EXPIRED_COUNT,
    EXPIRED_TASKS,
    EVENTS,
    KEYS,
    REMEMBERED,
];

#[cfg(test)]
mod tests;
