//! Every statement that runs, in one place, so that the tests can ask SQLite how it would run each of them.
//!
//! Each names the index it uses (`INDEXED BY`): a plan then depends on no statistics, and a statement that lost its
//! index fails at once instead of reading a million rows. Statuses that a partial index names are written out,
//! because SQLite must see them to use it.

pub(crate) mod audit;
pub(crate) mod lists;
mod statements;

use std::sync::LazyLock;

use rekindle_core::Task;
use rekindle_core::domain::api_key::ApiKey;
use rekindle_core::domain::event::Event;
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::store::StoredResponse;
pub(crate) use statements::{of, select};

// Heartbeats.

pub(crate) const HEARTBEAT: &str = "UPDATE sessions SET last_heartbeat = ?2 WHERE seq = ?1";
pub(crate) const MACHINE_HEARTBEAT: &str = "UPDATE machines SET last_heartbeat = ?2 WHERE seq = ?1";

// Changes beyond those of one record by its key.

pub(crate) const DELETE_TASKS_OF: &str = "DELETE FROM tasks INDEXED BY tasks_session WHERE session_id = ?1";
pub(crate) const DELETE_EVENTS_OF: &str =
    "DELETE FROM events INDEXED BY events_session WHERE session_id = ?1 AND kept_with = ?1";
/// A response whose time is over is replaced.
pub(crate) const INSERT_RESPONSE: &str = "INSERT INTO answers AS old (key, request, answer, at, until) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (key) DO UPDATE SET request = excluded.request, answer = excluded.answer, at = excluded.at, \
     until = excluded.until WHERE old.until <= excluded.at";
/// Deletes up to two for each that is added, so that their number falls.
pub(crate) const DELETE_EXPIRED_RESPONSES: &str = "DELETE FROM answers WHERE rowid IN \
     (SELECT rowid FROM answers INDEXED BY answers_until WHERE until <= ?1 ORDER BY until LIMIT 2)";
pub(crate) const INSERT_DETECTOR_STATE: &str =
    "INSERT OR IGNORE INTO watch (only_row, looked_at, due_by, silence_from) VALUES (1, ?1, ?2, ?3)";
pub(crate) const UPDATE_DETECTOR_STATE: &str = "UPDATE watch SET looked_at = ?1, due_by = ?2, silence_from = ?3 \
     WHERE only_row = 1 AND looked_at = ?4 AND due_by = ?5 AND silence_from = ?6";
pub(crate) const PURGE_EVENTS: &str = "DELETE FROM events WHERE position IN (SELECT position \
     FROM events INDEXED BY events_loose WHERE kept_with IS NULL AND at < ?1 ORDER BY at LIMIT ?2)";
/// Writes a row as it is, to show whether a write gets through.
pub(crate) const PING: &str = "UPDATE session_counts SET n = n WHERE status = 'active' AND archived = 0";

// Leases. The time is SQLite's own and does not move within a statement.

/// Parameters: duty, holder, milliseconds. A lease that was taken in the future is over: the clock was set back since.
pub(crate) const CLAIM: &str = "INSERT INTO leases AS held (duty, holder, token, since, until) \
     VALUES (?1, ?2, 1, CAST(unixepoch('subsec') * 1000 AS INTEGER), CAST(unixepoch('subsec') * 1000 AS INTEGER) + ?3) \
     ON CONFLICT (duty) DO UPDATE SET token = held.token + (held.holder IS NOT excluded.holder), \
     holder = excluded.holder, since = excluded.since, until = excluded.until \
     WHERE held.holder IS NULL OR held.holder = excluded.holder OR held.until <= excluded.since \
     OR held.since > excluded.since RETURNING token";
pub(crate) const RELEASE: &str = "UPDATE leases SET holder = NULL WHERE duty = ?1 AND token = ?2";
pub(crate) const LEASE_IS_CURRENT: &str = "SELECT 1 FROM leases WHERE duty = ?1 AND token = ?2 AND holder IS NOT NULL";

// Single entities and the sets that rules need.

/// Statuses that are not wanted are bound as null.
pub(crate) static TASKS_OF: LazyLock<String> = LazyLock::new(|| {
    select::<Task>("INDEXED BY tasks_session WHERE session_id = ?1 AND status IN (?2, ?3, ?4, ?5, ?6) ORDER BY seq")
});
pub(crate) const ACTIVE_SESSION: &str = "SELECT id FROM sessions INDEXED BY sessions_one_active \
     WHERE project_id = ?1 AND machine_id = ?2 AND status = 'active'";
pub(crate) const SLOT_HOLDER: &str = "SELECT id FROM sessions INDEXED BY sessions_one_per_slot \
     WHERE machine_id = ?1 AND docker_slot = ?2 AND completed_at IS NULL";
pub(crate) const LIVE_SESSIONS: &str = "SELECT seq, id, docker_slot FROM sessions INDEXED BY sessions_one_per_slot \
     WHERE machine_id = ?1 AND completed_at IS NULL ORDER BY created_at, seq";

// Detection.

pub(crate) const COUNTS: &str = "SELECT status, sum(n) FROM session_counts GROUP BY status";
pub(crate) static STALLED: LazyLock<String> = LazyLock::new(|| {
    select::<Session>("INDEXED BY sessions_silence WHERE status = 'stalled' ORDER BY last_heartbeat, seq LIMIT ?1")
});
pub(crate) const STALLED_COUNT: &str = "SELECT n FROM session_counts WHERE status = 'stalled' AND archived = 0";
pub(crate) static OVERDUE: LazyLock<String> = LazyLock::new(|| {
    select::<Session>(
        "INDEXED BY sessions_silence WHERE status = 'active' AND last_heartbeat < ?1 ORDER BY last_heartbeat, seq LIMIT ?2",
    )
});
pub(crate) const OVERDUE_COUNT: &str = "SELECT count(*) FROM sessions INDEXED BY sessions_silence \
     WHERE status = 'active' AND last_heartbeat < ?1";
pub(crate) static OVERDUE_MACHINES: LazyLock<String> = LazyLock::new(|| {
    select::<Machine>(
        "INDEXED BY machines_silence WHERE status = 'online' AND last_heartbeat < ?1 ORDER BY last_heartbeat, seq LIMIT ?2",
    )
});
pub(crate) const EARLIEST_SESSION: &str = "SELECT last_heartbeat FROM sessions INDEXED BY sessions_silence \
     WHERE status = 'active' ORDER BY last_heartbeat LIMIT 1";
/// The bound lets SQLite search the index rather than walk it; it excludes nothing.
pub(crate) const EARLIEST_MACHINE: &str = "SELECT last_heartbeat FROM machines INDEXED BY machines_silence \
     WHERE status = 'online' AND last_heartbeat <= 9223372036854775807 ORDER BY last_heartbeat LIMIT 1";
pub(crate) const DETECTOR_STATE: &str = "SELECT looked_at, due_by, silence_from FROM watch WHERE only_row = 1";

// Retention and events.

pub(crate) const EXPIRED: &str = "SELECT seq, id, project_id, completed_at, revision, touches \
     FROM sessions INDEXED BY sessions_ended WHERE completed_at <= ?1 AND archived_at IS NULL \
     ORDER BY completed_at, seq LIMIT ?2";
pub(crate) const EXPIRED_COUNT: &str =
    "SELECT count(*) FROM sessions INDEXED BY sessions_ended WHERE completed_at <= ?1 AND archived_at IS NULL";
pub(crate) const EXPIRED_TASKS: &str = "SELECT count(*) FROM sessions INDEXED BY sessions_ended \
     CROSS JOIN tasks INDEXED BY tasks_session ON tasks.session_id = sessions.id \
     WHERE sessions.completed_at <= ?1 AND sessions.archived_at IS NULL";
pub(crate) static EVENTS: LazyLock<String> =
    LazyLock::new(|| select::<Event>("WHERE position > ?1 ORDER BY position LIMIT ?2"));

// API keys and stored responses.

/// The bound excludes nothing: it makes the walk a search.
pub(crate) static KEYS: LazyLock<String> = LazyLock::new(|| {
    select::<ApiKey>(
        "INDEXED BY api_keys_created WHERE created_at <= 9223372036854775807 ORDER BY created_at DESC, seq DESC",
    )
});
pub(crate) static STORED_RESPONSE: LazyLock<String> =
    LazyLock::new(|| select::<StoredResponse>("INDEXED BY answers_key WHERE key = ?1 AND until > ?2"));

/// Returns every statement that is fixed, for the tests that look at plans.
#[cfg(test)]
fn all() -> Vec<String> {
    let fixed = [
        HEARTBEAT,
        MACHINE_HEARTBEAT,
        DELETE_TASKS_OF,
        DELETE_EVENTS_OF,
        INSERT_RESPONSE,
        DELETE_EXPIRED_RESPONSES,
        INSERT_DETECTOR_STATE,
        UPDATE_DETECTOR_STATE,
        PURGE_EVENTS,
        PING,
        CLAIM,
        RELEASE,
        LEASE_IS_CURRENT,
        ACTIVE_SESSION,
        SLOT_HOLDER,
        LIVE_SESSIONS,
        COUNTS,
        STALLED_COUNT,
        OVERDUE_COUNT,
        EARLIEST_SESSION,
        EARLIEST_MACHINE,
        DETECTOR_STATE,
        EXPIRED,
        EXPIRED_COUNT,
        EXPIRED_TASKS,
    ];
    let of_records = [&TASKS_OF, &STALLED, &OVERDUE, &OVERDUE_MACHINES, &EVENTS, &KEYS, &STORED_RESPONSE];
    let mut all = statements::Statements::all();
    all.extend(fixed.map(str::to_owned));
    all.extend(of_records.map(|sql| sql.to_string()));
    all
}

#[cfg(test)]
mod tests;
