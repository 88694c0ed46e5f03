//! Conversions from the values of the core to the bodies of the API.

use rekindle_core::domain::api_key;
use rekindle_core::domain::event::{EventKind, Subject};
use rekindle_core::store::{RecordedEvent, SessionCounts};
use rekindle_core::use_cases::{self, CleanupMode};
use rekindle_core::{SessionId, Timestamp, Versioned, domain};

use crate::audit::AuditEvent;
use crate::key::{ApiKey, Role};
use crate::machine::{Machine, MachineStatus};
use crate::recovery::{CleanupReport, RecoveryState};
use crate::session::{HealthSummary, Session, SessionHealth, SessionStatus, StalledReport, StalledSession};
use crate::task::{Task, TaskStatus};
use crate::time::{Time, duration_millis};

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self::from_millis(timestamp.millis())
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        Self::from_millis(time.millis())
    }
}

/// Converts an enum of the API from and to the enum of the core with the same variants.
macro_rules! convert_enum {
    ($name:ident, $core:ty: $($variant:ident),+) => {
        impl From<$core> for $name {
            fn from(value: $core) -> Self {
                match value {
                    $(<$core>::$variant => Self::$variant),+
                }
            }
        }

        impl From<$name> for $core {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$variant => Self::$variant),+
                }
            }
        }
    };
}

convert_enum!(SessionStatus, rekindle_core::SessionStatus: Active, Paused, Stalled, Completed, Failed);
convert_enum!(TaskStatus, rekindle_core::TaskStatus: Pending, InProgress, Blocked, Completed, Failed);
convert_enum!(MachineStatus, rekindle_core::MachineStatus: Online, Offline, Maintenance);
convert_enum!(Role, api_key::Role: Reader, Worker, Operator, Admin);

impl From<&Versioned<domain::session::Session>> for Session {
    fn from(row: &Versioned<domain::session::Session>) -> Self {
        let session = &row.value;
        Self {
            session_id: session.id.0,
            project_id: session.project_id.as_str().to_owned(),
            machine_id: session.machine_id.as_str().to_owned(),
            docker_slot: session.docker_slot.map(|slot| slot.0),
            status: session.status().into(),
            last_heartbeat: session.last_heartbeat.into(),
            current_task_id: session.current_task().map(|label| label.as_str().to_owned()),
            started_at: session.started_at.into(),
            completed_at: session.completed_at().map(Into::into),
            metadata: session.shown_metadata(),
            created_at: session.created_at.into(),
            updated_at: session.updated_at.into(),
            revision: row.version.revision,
            lineage_id: session.lineage.id.0,
            attempt: session.lineage.attempt,
            recovered_from: session.lineage.recovered_from.map(|id| id.0),
            recovered_into: session.recovered_into().map(|id| id.0),
        }
    }
}

impl From<(SessionCounts, Timestamp)> for HealthSummary {
    fn from((counts, at): (SessionCounts, Timestamp)) -> Self {
        Self {
            total_sessions: counts.total(),
            active_sessions: counts.active,
            paused_sessions: counts.paused,
            stalled_sessions: counts.stalled,
            failed_sessions: counts.failed,
            completed_sessions: counts.completed,
            last_updated: at.into(),
        }
    }
}

impl From<&use_cases::StalledReport> for StalledReport {
    fn from(report: &use_cases::StalledReport) -> Self {
        let shown = |row: &Versioned<domain::session::Session>| StalledSession {
            session_id: row.value.id.0,
            project_id: row.value.project_id.as_str().to_owned(),
            machine_id: row.value.machine_id.as_str().to_owned(),
            last_heartbeat: row.value.last_heartbeat.into(),
            time_since_heartbeat_ms: duration_millis(report.now.since(row.value.last_heartbeat)),
        };
        Self {
            stalled_sessions: report.sessions.items.iter().map(shown).collect(),
            stall_threshold_ms: duration_millis(report.stall_threshold),
            total: report.sessions.total,
        }
    }
}

impl From<&use_cases::SessionHealth> for SessionHealth {
    fn from(health: &use_cases::SessionHealth) -> Self {
        let session = &health.session.value;
        Self {
            session_id: session.id.0,
            is_healthy: health.is_healthy,
            status: session.status().into(),
            last_heartbeat: session.last_heartbeat.into(),
            time_since_heartbeat_ms: duration_millis(health.silent_for),
            is_stalled: health.is_stalled,
            stall_threshold_ms: duration_millis(health.stall_threshold),
        }
    }
}

impl From<&Versioned<domain::task::Task>> for Task {
    fn from(row: &Versioned<domain::task::Task>) -> Self {
        let task = &row.value;
        Self {
            task_id: task.id.0,
            session_id: task.session_id.0,
            project_id: task.project_id.as_str().to_owned(),
            github_issue_id: task.github_issue_id.as_ref().map(|id| id.as_str().to_owned()),
            task_name: task.name.as_str().to_owned(),
            status: task.status().into(),
            started_at: task.started_at().map(Into::into),
            completed_at: task.completed_at().map(Into::into),
            error_message: task.error_message().map(|message| message.as_str().to_owned()),
            metadata: task.metadata.as_map().clone(),
            copied_from: task.copied_from.map(|id| id.0),
            created_at: task.created_at.into(),
            updated_at: task.updated_at.into(),
            revision: row.version.revision,
        }
    }
}

impl Machine {
    /// Returns the body of a machine with the live sessions on it.
    pub fn new(
        row: &Versioned<domain::machine::Machine>,
        active_sessions: impl IntoIterator<Item = SessionId>,
    ) -> Self {
        let machine = &row.value;
        Self {
            machine_id: machine.id.as_str().to_owned(),
            hostname: machine.hostname.as_str().to_owned(),
            docker_slots: machine.docker_slots.as_slice().iter().map(|slot| slot.0).collect(),
            active_sessions: active_sessions.into_iter().map(|id| id.0).collect(),
            status: machine.status.into(),
            last_heartbeat: machine.last_heartbeat.into(),
            metadata: machine.metadata.as_map().clone(),
            created_at: machine.created_at.into(),
            updated_at: machine.updated_at.into(),
            revision: row.version.revision,
        }
    }
}

impl From<&use_cases::MachineView> for Machine {
    fn from(view: &use_cases::MachineView) -> Self {
        Self::new(&view.machine, view.active_sessions.iter().copied())
    }
}

impl ApiKey {
    /// Returns the body of a key, with its state at this time.
    pub fn at(row: &Versioned<api_key::ApiKey>, now: Timestamp) -> Self {
        let key = &row.value;
        Self {
            key_id: key.id.0,
            name: key.name.to_string(),
            role: key.role.into(),
            project_id: key.project_id.as_ref().map(ToString::to_string),
            state: key.state(now).as_str().to_owned(),
            created_at: key.created_at.into(),
            expires_at: key.expires_at.map(Into::into),
            revoked_at: key.revoked_at.map(Into::into),
            replaced_by: key.replaced_by.map(|id| id.0),
            revision: row.version.revision,
        }
    }
}

impl From<&use_cases::RecoveryState> for RecoveryState {
    fn from(state: &use_cases::RecoveryState) -> Self {
        let session = &state.session.value;
        let tasks = |status| state.tasks_in(status).map(Task::from).collect();
        Self {
            session_id: session.id.0,
            project_id: session.project_id.as_str().to_owned(),
            last_successful_task: state.last_successful_task.as_ref().map(Task::from),
            failed_tasks: tasks(rekindle_core::TaskStatus::Failed),
            pending_tasks: tasks(rekindle_core::TaskStatus::Pending),
            in_progress_tasks: tasks(rekindle_core::TaskStatus::InProgress),
            blocked_tasks: tasks(rekindle_core::TaskStatus::Blocked),
            last_heartbeat: session.last_heartbeat.into(),
            metadata: session.shown_metadata(),
            recovered_into: session.recovered_into().map(|id| id.0),
        }
    }
}

impl From<use_cases::CleanupReport> for CleanupReport {
    fn from(report: use_cases::CleanupReport) -> Self {
        Self {
            deleted_sessions: report.deleted_sessions,
            deleted_tasks: report.deleted_tasks,
            older_than_days: report.older_than_days,
            dry_run: report.mode == CleanupMode::DryRun,
        }
    }
}

impl From<&RecordedEvent> for AuditEvent {
    fn from(recorded: &RecordedEvent) -> Self {
        let event = &recorded.event;
        let (session, task, machine, key) = match &event.subject {
            Subject::Session(session) => (Some(session.0), None, None, None),
            Subject::Task(task, session) => (Some(session.0), Some(task.0), None, None),
            Subject::Machine(machine) => (None, None, Some(machine.to_string()), None),
            Subject::Key(key) => (None, None, None, Some(key.0)),
            Subject::Service => (None, None, None, None),
        };
        let by = event.by.as_ref();
        let refused = event.kind == EventKind::AccessRefused;
        Self {
            at: event.at.into(),
            kind: event.kind.as_str().to_owned(),
            outcome: if refused { "refused" } else { "done" }.to_owned(),
            key_id: by.and_then(|actor| actor.key).map(|key| key.0),
            ip: by.and_then(|actor| actor.address).map(|address| address.to_string()),
            request_id: by.map(|actor| actor.request),
            session_id: session,
            task_id: task,
            machine_id: machine,
            subject_key_id: key,
            detail: event.detail.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
