//! What the passes over sessions leave in the log, whether a background job or a request made them.

use std::time::Duration;

use rekindle_core::store::Expired;
use rekindle_core::use_cases::DetectionReport;
use tracing::{debug, info, warn};

/// The name of the detection job in the log, in metrics and in the service's health.
pub const DETECTOR: &str = "detector";
/// The name of the retention job, likewise.
pub const RETENTION: &str = "retention";

/// Logs what a detection pass did.
pub fn log_pass(pass: &DetectionReport, duration: Duration) {
    for session in &pass.stalled {
        warn!(
            session_id = %session.session_id,
            project_id = session.project_id.as_str(),
            machine_id = session.machine_id.as_str(),
            time_since_heartbeat_ms = millis(session.silent_for),
            "Stalled session detected"
        );
    }
    for machine in &pass.offline {
        warn!(machine_id = machine.as_str(), "Silent machine is offline");
    }
    let sessions_affected = pass.stalled.len();
    let machines_affected = pass.offline.len();
    let duration_ms = millis(duration);
    if sessions_affected + machines_affected > 0 {
        info!(job_name = DETECTOR, sessions_affected, machines_affected, duration_ms, "Background job done");
    } else {
        debug!(job_name = DETECTOR, sessions_affected, machines_affected, duration_ms, "Background job done");
    }
}

/// Logs which session a cleanup deleted.
pub fn log_deleted(session: &Expired) {
    info!(
        session_id = %session.session_id,
        project_id = session.project_id.as_str(),
        completed_at = %session.completed_at,
        "Old session deleted"
    );
}

/// Whole milliseconds, as the log has them.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
