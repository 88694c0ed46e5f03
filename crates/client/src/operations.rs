//! The operations of the API. Methods and [`OPERATIONS`] come from one table, which a test compares with
//! `docs/openapi.json`.

use std::fmt::Display;

use rekindle_api::{
    ApiKey, ApiKeyList, ArchivedQuery, AuditQuery, AuditTrail, CleanupQuery, CleanupReport, CreateApiKey,
    CreateMachine, CreateSession, CreateTask, DetailedHealth, DetectReport, Health, HealthSummary, HeartbeatBody,
    HeartbeatResponse, Machine, MachineList, MachineQuery, MarkFailed, NewApiKey, PatchMachine, PatchSession,
    PatchTask, PrepareRecovery, Ready, Recover, RecoveryState, RotateApiKey, Session, SessionHealth, SessionList,
    SessionQuery, StalledQuery, StalledReport, Task, TaskList, TaskQuery,
};
use reqwest::Method;

use crate::client::Client;
use crate::decode;
use crate::request::Request;

/// An operation of the API and the method of [`Client`] that requests it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// The HTTP method.
    pub method: &'static str,
    /// The path template.
    pub path: &'static str,
    /// The name of the method of [`Client`].
    pub name: &'static str,
    /// The type of the query parameters.
    pub query: Option<&'static str>,
    /// The type of the request's body.
    pub body: Option<&'static str>,
    /// The type of the answer's body.
    pub answer: &'static str,
}

macro_rules! first {
    () => {
        None
    };
    ($some:expr) => {
        Some($some)
    };
}

macro_rules! operations {
    ($(
        $(#[$doc:meta])*
        $method:ident $path:literal $name:ident($($id:ident)?) $(query $query:ident)? $(body $body:ident)?
            -> $decode:ident $answer:ty;
    )+) => {
        /// Every operation that this client knows.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            method: stringify!($method),
            path: $path,
            name: stringify!($name),
            query: first!($(stringify!($query))?),
            body: first!($(stringify!($body))?),
            answer: stringify!($answer),
        }),+];

        impl Client {
            $(
                $(#[$doc])*
                pub fn $name(
                    &self $(, $id: impl Display)? $(, query: &$query)? $(, body: &$body)?
                ) -> Request<$answer> {
                    self.request(Method::$method, $path, &[$($id.to_string())?], decode::$decode)
                        $(.query(query as &$query))?
                        $(.body(body as &$body))?
                }
            )+
        }
    };
}

operations! {
    /// Lists sessions, newest first.
    GET "/api/sessions" list_sessions() query SessionQuery -> json SessionList;
    /// Registers a session.
    POST "/api/sessions" create_session() body CreateSession -> json Session;
    /// Lists archived sessions.
    GET "/api/sessions/archived" list_archived_sessions() query ArchivedQuery -> json SessionList;
    /// Deletes old ended sessions.
    POST "/api/sessions/cleanup" clean_up_sessions() query CleanupQuery -> json CleanupReport;
    /// Deletes old ended sessions, as [`Client::clean_up_sessions`] does.
    DELETE "/api/sessions/cleanup" delete_old_sessions() query CleanupQuery -> json CleanupReport;
    /// Runs a detection pass.
    POST "/api/sessions/detect-failures" detect_failures() -> json DetectReport;
    /// Counts the sessions in each status.
    GET "/api/sessions/health" get_health_summary() -> json HealthSummary;
    /// Lists the sessions that missed their deadline, longest silent first.
    GET "/api/sessions/stalled" list_stalled_sessions() query StalledQuery -> json StalledReport;
    /// Returns a session.
    GET "/api/sessions/{id}" get_session(id) -> json Session;
    /// Deletes a session and its tasks.
    DELETE "/api/sessions/{id}" delete_session(id) -> nothing ();
    /// Changes a session.
    PATCH "/api/sessions/{id}" update_session(id) body PatchSession -> json Session;
    /// Archives an ended session, which keeps it from cleanup.
    POST "/api/sessions/{id}/archive" archive_session(id) -> json Session;
    /// Returns whether a session meets its deadline.
    GET "/api/sessions/{id}/health" get_session_health(id) -> json SessionHealth;
    /// Sends a session's heartbeat.
    POST "/api/sessions/{id}/heartbeat" send_heartbeat(id) body HeartbeatBody -> json HeartbeatResponse;
    /// Ends a session as failed.
    POST "/api/sessions/{id}/mark-failed" mark_session_failed(id) body MarkFailed -> json Session;
    /// Marks a session as stalled before its deadline.
    POST "/api/sessions/{id}/mark-stalled" mark_session_stalled(id) -> json Session;
    /// Prepares the recovery of a session.
    POST "/api/sessions/{id}/prepare-recovery" prepare_recovery(id) body PrepareRecovery -> json Session;
    /// Continues a failed or stalled session in a new one. A repetition returns the same successor.
    POST "/api/sessions/{id}/recover" recover_session(id) body Recover -> json Session;
    /// Returns what a session has done and what is left.
    GET "/api/sessions/{id}/recovery-state" get_recovery_state(id) -> json RecoveryState;
    /// Lists tasks, newest first.
    GET "/api/tasks" list_tasks() query TaskQuery -> json TaskList;
    /// Adds a task to a session.
    POST "/api/tasks" create_task() body CreateTask -> json Task;
    /// Returns a task.
    GET "/api/tasks/{id}" get_task(id) -> json Task;
    /// Deletes a task.
    DELETE "/api/tasks/{id}" delete_task(id) -> nothing ();
    /// Changes a task.
    PATCH "/api/tasks/{id}" update_task(id) body PatchTask -> json Task;
    /// Lists machines, newest first.
    GET "/api/machines" list_machines() query MachineQuery -> json MachineList;
    /// Registers a machine that is not registered yet.
    POST "/api/machines" create_machine() body CreateMachine -> json Machine;
    /// Returns a machine.
    GET "/api/machines/{id}" get_machine(id) -> json Machine;
    /// Registers a machine, or replaces what is known of it.
    PUT "/api/machines/{id}" put_machine(id) body CreateMachine -> json Machine;
    /// Deletes a machine that has no live sessions.
    DELETE "/api/machines/{id}" delete_machine(id) -> nothing ();
    /// Changes a machine.
    PATCH "/api/machines/{id}" update_machine(id) body PatchMachine -> json Machine;
    /// Sends a machine's heartbeat.
    POST "/api/machines/{id}/heartbeat" send_machine_heartbeat(id) -> json Machine;
    /// Lists API keys, newest first.
    GET "/api/keys" list_api_keys() -> json ApiKeyList;
    /// Creates an API key. The answer is the only one with its secret.
    POST "/api/keys" create_api_key() body CreateApiKey -> json NewApiKey;
    /// Revokes an API key.
    POST "/api/keys/{id}/revoke" revoke_api_key(id) -> json ApiKey;
    /// Replaces an API key by a new one.
    POST "/api/keys/{id}/rotate" rotate_api_key(id) body RotateApiKey -> json NewApiKey;
    /// Returns a part of the audit log, latest first.
    GET "/api/audit" read_audit_trail() query AuditQuery -> json AuditTrail;
    /// Returns the page that shows the API's documentation.
    GET "/api/docs" get_docs() -> text String;
    /// Returns the OpenAPI document.
    GET "/api/docs/openapi.json" get_open_api() -> text String;
    /// Returns whether the server is alive.
    GET "/health" get_health() -> json Health;
    /// Returns the health of the server and of its dependencies.
    GET "/health/detailed" get_detailed_health() -> json DetailedHealth;
    /// Returns whether the server is alive, as [`Client::get_health`] does.
    GET "/healthz" get_healthz() -> json Health;
    /// Returns the metrics page.
    GET "/metrics" get_metrics() -> text String;
    /// Returns whether the server can do its work.
    GET "/ready" get_readiness() -> json Ready;
    /// Returns whether the server can do its work, as [`Client::get_readiness`] does.
    GET "/readyz" get_readyz() -> json Ready;
}
