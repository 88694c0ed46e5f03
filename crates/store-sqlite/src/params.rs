//! Entities as rows of the database: the parameters of the inserts, in the order of [`crate::sql`].

use rekindle_core::domain::api_key::ApiKey;
use rekindle_core::domain::event::{Event, Subject};
use rekindle_core::domain::machine::Machine;
use rekindle_core::domain::session::Session;
use rekindle_core::domain::task::Task;
use rekindle_core::store::{CommitError, StoreError, StoredResponse};
use rekindle_core::values::{MachineId, Timestamp};
use rusqlite::{Result, Statement};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Binds values to a statement one after the other.
pub struct Binder<'s, 'c> {
    statement: &'s mut Statement<'c>,
    next: usize,
}

impl<'s, 'c> Binder<'s, 'c> {
    /// From the first parameter on.
    pub fn of(statement: &'s mut Statement<'c>) -> Self {
        Self { statement, next: 1 }
    }

    /// Binds the next parameter.
    pub fn bind(&mut self, value: impl rusqlite::ToSql) -> Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }

    fn time(&mut self, at: Timestamp) -> Result<()> {
        self.bind(at.millis())
    }

    fn time_or_none(&mut self, at: Option<Timestamp>) -> Result<()> {
        self.bind(at.map(Timestamp::millis))
    }

    fn uuid(&mut self, id: Uuid) -> Result<()> {
        self.bind(id.as_bytes())
    }

    fn uuid_or_none(&mut self, id: Option<Uuid>) -> Result<()> {
        self.bind(id.map(Uuid::into_bytes))
    }
}

/// A JSON object as text.
pub fn json(object: &Map<String, Value>) -> std::result::Result<String, CommitError> {
    if object.is_empty() {
        return Ok("{}".to_owned());
    }
    serde_json::to_string(object)
        .map_err(|fault| StoreError::Corrupt(format!("an object cannot be written as JSON: {fault}")).into())
}

/// A session's parameters; `metadata` is its own as [`json`].
pub fn session(to: &mut Binder<'_, '_>, session: &Session, metadata: &str) -> Result<()> {
    to.uuid(session.id.0)?;
    to.bind(session.project_id.as_str())?;
    to.bind(session.machine_id.as_str())?;
    to.bind(session.docker_slot.map(|slot| slot.0))?;
    to.bind(session.status().as_str())?;
    to.time(session.last_heartbeat)?;
    to.bind(session.current_task().map(rekindle_core::values::TaskLabel::as_str))?;
    to.time(session.started_at)?;
    to.time_or_none(session.completed_at())?;
    to.time_or_none(session.archived_at())?;
    to.bind(session.error_message().map(rekindle_core::values::ErrorMessage::as_str))?;
    to.time_or_none(session.prepared_at())?;
    to.uuid_or_none(session.recovered_into().map(|id| id.0))?;
    to.time_or_none(session.recovered().map(|recovered| recovered.at))?;
    to.uuid(session.lineage.id.0)?;
    to.bind(session.lineage.attempt)?;
    to.uuid_or_none(session.lineage.recovered_from.map(|id| id.0))?;
    to.time(session.created_at)?;
    to.time(session.updated_at)?;
    to.bind(metadata)
}

/// A task's parameters; `metadata` is its own as [`json`].
pub fn task(to: &mut Binder<'_, '_>, task: &Task, metadata: &str) -> Result<()> {
    to.uuid(task.id.0)?;
    to.uuid(task.session_id.0)?;
    to.bind(task.project_id.as_str())?;
    to.bind(task.github_issue_id.as_ref().map(rekindle_core::values::IssueId::as_str))?;
    to.bind(task.name.as_str())?;
    to.bind(task.status().as_str())?;
    to.time_or_none(task.started_at())?;
    to.time_or_none(task.completed_at())?;
    to.bind(task.error_message().map(rekindle_core::values::ErrorMessage::as_str))?;
    to.uuid_or_none(task.copied_from.map(|id| id.0))?;
    to.time(task.created_at)?;
    to.time(task.updated_at)?;
    to.bind(metadata)
}

/// A machine's parameters; `metadata` is its own as [`json`].
pub fn machine(to: &mut Binder<'_, '_>, machine: &Machine, metadata: &str) -> Result<()> {
    let slots: Vec<String> = machine.docker_slots.as_slice().iter().map(ToString::to_string).collect();
    to.bind(machine.id.as_str())?;
    to.bind(machine.hostname.as_str())?;
    to.bind(format!("[{}]", slots.join(",")))?;
    to.bind(machine.status.as_str())?;
    to.time(machine.last_heartbeat)?;
    to.time(machine.created_at)?;
    to.time(machine.updated_at)?;
    to.bind(metadata)
}

/// An event's parameters; `detail` is its own as [`json`].
pub fn event(to: &mut Binder<'_, '_>, event: &Event, detail: &str) -> Result<()> {
    let (session, task, machine, key) = match &event.subject {
        Subject::Session(session) => (Some(session.0), None, None, None),
        Subject::Task(task, session) => (Some(session.0), Some(task.0), None, None),
        Subject::Machine(machine) => (None, None, Some(machine), None),
        Subject::Key(key) => (None, None, None, Some(key.0)),
        Subject::Service => (None, None, None, None),
    };
    to.time(event.at)?;
    to.bind(event.kind.as_str())?;
    to.uuid_or_none(session)?;
    to.uuid_or_none(task)?;
    to.bind(machine.map(MachineId::as_str))?;
    to.uuid_or_none(key)?;
    to.uuid_or_none(event.deleted_with_session().map(|id| id.0))?;
    let by = event.by.as_ref();
    to.uuid_or_none(by.and_then(|actor| actor.key).map(|key| key.0))?;
    to.bind(by.and_then(|actor| actor.address).map(|address| address.to_string()))?;
    to.uuid_or_none(by.map(|actor| actor.request))?;
    to.bind(detail)
}

/// An API key's parameters.
pub fn key(to: &mut Binder<'_, '_>, key: &ApiKey) -> Result<()> {
    to.uuid(key.id.0)?;
    to.bind(key.name.as_str())?;
    to.bind(key.secret.0)?;
    to.bind(key.role.as_str())?;
    to.bind(key.project_id.as_ref().map(rekindle_core::values::ProjectId::as_str))?;
    to.time(key.created_at)?;
    to.time_or_none(key.expires_at)?;
    to.time_or_none(key.revoked_at)?;
    to.uuid_or_none(key.replaced_by.map(|id| id.0))
}

/// A remembered answer's parameters.
pub fn remembered(to: &mut Binder<'_, '_>, answer: &StoredResponse) -> Result<()> {
    to.bind(answer.key.0)?;
    to.bind(answer.request)?;
    to.bind(&*answer.answer)?;
    to.time(answer.at)?;
    to.time(answer.until)
}
