//! The audit log, latest first: a backward walk over one index of the events, or over all of them.

use rekindle_core::domain::event::Event;
use rekindle_core::store::AuditFilter;
use rusqlite::types::Value;

/// Returns the statement that reads a part of the audit log, and its parameters but the last two: the position before
/// which it begins, and the limit.
pub(crate) fn audit_log(filter: &AuditFilter) -> (String, Vec<Value>) {
    // A session has a few dozen events, a machine hundreds, a key as many as it was used for.
    let index = match filter {
        AuditFilter { session: Some(_), .. } => "INDEXED BY events_session",
        AuditFilter { machine: Some(_), .. } => "INDEXED BY events_machine",
        AuditFilter { key: Some(_), .. } => "INDEXED BY events_by_key",
        AuditFilter { .. } => "NOT INDEXED",
    };
    let conditions = [
        ("session_id = ?", filter.session.map(|id| Value::Blob(id.0.as_bytes().to_vec()))),
        ("machine_id = ?", filter.machine.as_ref().map(|id| Value::Text(id.to_string()))),
        ("by_key = ?", filter.key.map(|id| Value::Blob(id.0.as_bytes().to_vec()))),
        ("kind = ?", filter.kind.map(|kind| Value::Text(kind.as_str().to_owned()))),
        ("at >= ?", filter.since.map(|at| Value::Integer(at.millis()))),
        ("at < ?", filter.until.map(|at| Value::Integer(at.millis()))),
    ];
    let mut sql = super::select::<Event>(index) + " WHERE ";
    let mut values = Vec::new();
    for (condition, value) in conditions {
        if let Some(value) = value {
            sql.push_str(condition);
            sql.push_str(" AND ");
            values.push(value);
        }
    }
    sql.push_str("position < ? ORDER BY position DESC LIMIT ?");
    (sql, values)
}
