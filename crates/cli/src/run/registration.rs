//! Registers a plan on the server, as a session with a task in progress, one request after the other. Every step can be
//! repeated: what an earlier attempt did whose response was lost is recognized by the run's mark.

use std::time::Duration;

use rekindle_api::{
    CreateSession, CreateTask, HeartbeatBody, PatchSession, PatchTask, Session, SessionStatus, Task, TaskQuery,
    TaskStatus,
};
use uuid::Uuid;

use super::plan::{Plan, SessionSource};
use crate::connection::Connection;
use crate::error::CliError;

/// The time limit of one request. The command must not wait long for a server that hangs.
pub(crate) const STEP: Duration = Duration::from_secs(5);
const WHOLE_PAGE: u32 = 200;
/// The number of pages of pending tasks that are searched in a session.
const PAGES: u32 = 50;

/// The progress of a registration.
pub(crate) struct Registration {
    /// What is registered.
    pub plan: Plan,
    session: Option<Session>,
    task: Option<Task>,
    /// Whether the task is in progress.
    begun: bool,
    /// Whether a task may have been created by a request whose response was lost.
    task_in_doubt: bool,
}

/// The registered session and its task, which is in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registered {
    pub session: Uuid,
    pub task: Uuid,
}

impl Registration {
    /// Returns a registration of which nothing was sent yet.
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, session: None, task: None, begun: false, task_in_doubt: false }
    }

    /// Returns the session and the task, once the task is in progress.
    pub(crate) fn registered(&self) -> Option<Registered> {
        match (&self.session, &self.task) {
            (Some(session), Some(task)) if self.begun => {
                Some(Registered { session: session.session_id, task: task.task_id })
            }
            _ => None,
        }
    }

    /// Sends what is still to be sent. After a failure it can be called again, and continues.
    ///
    /// # Errors
    /// Fails with the error of the request.
    pub(crate) async fn advance(&mut self, server: &Connection) -> Result<Registered, CliError> {
        let session = match &self.session {
            Some(session) => session.clone(),
            None => {
                let session = match self.plan.whose.clone() {
                    SessionSource::New { project, machine, slot } => {
                        self.create_session(server, project, machine, slot).await?
                    }
                    SessionSource::Adopted { id, project } => self.adopt_session(server, id, project).await?,
                };
                self.session.insert(session).clone()
            }
        };
        let task = match &self.task {
            Some(task) => task.clone(),
            None => {
                let task = self.choose_task(server, &session).await?;
                self.task.insert(task).clone()
            }
        };
        if !self.begun {
            self.begin(server, &task).await?;
            self.begun = true;
        }
        Ok(Registered { session: session.session_id, task: task.task_id })
    }

    async fn create_session(
        &self,
        server: &Connection,
        project_id: String,
        machine_id: String,
        docker_slot: Option<u16>,
    ) -> Result<Session, CliError> {
        let metadata = Some(self.plan.marked_metadata());
        let body = CreateSession { project_id, machine_id, docker_slot, metadata };
        match server.send(|api| api.create_session(&body).within(STEP)).await {
            Ok(answer) => Ok(answer.value),
            Err(CliError::Refused(refused)) => {
                let existing = refused.body.detail("existing_session_id").map(str::to_owned);
                if let Some(existing) = existing {
                    let existing = server.send(|api| api.get_session(existing).within(STEP)).await?.value;
                    if self.plan.made(&existing.metadata) {
                        return Ok(existing);
                    }
                }
                Err(refused.into())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Checks that no other run uses the session, then marks and activates it.
    async fn adopt_session(&self, server: &Connection, id: Uuid, project: Option<String>) -> Result<Session, CliError> {
        let session = server.send(|api| api.get_session(id).within(STEP)).await?.value;
        if let Some(project) = project.filter(|project| *project != session.project_id) {
            return Err(CliError::Conflict(format!(
                "session {id} is of project {}, not {project}: leave --project out, or name another session",
                session.project_id
            )));
        }
        let in_progress = self.tasks(server, session.session_id, TaskStatus::InProgress).await?;
        if let Some(task) = in_progress.iter().find(|task| !self.plan.made(&task.metadata)) {
            let (name, task) = (&task.task_name, task.task_id);
            return Err(CliError::Conflict(format!(
                "session {id} has task {task} ({name}) in progress: another run may be at work on it\n  if that one is \
                 gone: rekindle session stall {id}\n  then to go on with it: rekindle session recover {id}"
            )));
        }
        if session.status == SessionStatus::Paused {
            let body = PatchSession { status: Some(SessionStatus::Active), ..PatchSession::default() };
            server.send(|api| api.update_session(id, &body).within(STEP)).await?;
        }
        let body = HeartbeatBody { metadata: Some(self.plan.marked_metadata()), ..HeartbeatBody::default() };
        Ok(server.send(|api| api.send_heartbeat(id, &body).within(STEP)).await?.value.session)
    }

    async fn choose_task(&mut self, server: &Connection, session: &Session) -> Result<Task, CliError> {
        if let SessionSource::Adopted { .. } = self.plan.whose {
            // Tasks are run in the order in which they were created.
            let mut pending = self.tasks(server, session.session_id, TaskStatus::Pending).await?;
            pending.reverse();
            let at = pending.iter().position(|task| task.task_name == self.plan.name).unwrap_or(0);
            if at < pending.len() {
                return Ok(pending.swap_remove(at));
            }
        }
        if self.task_in_doubt {
            let pending = self.tasks(server, session.session_id, TaskStatus::Pending).await?;
            if let Some(ours) = pending.into_iter().find(|task| self.plan.made(&task.metadata)) {
                return Ok(ours);
            }
        }
        let body = CreateTask {
            session_id: session.session_id.to_string(),
            project_id: session.project_id.clone(),
            github_issue_id: None,
            task_name: self.plan.name.clone(),
            metadata: Some(self.plan.mark()),
        };
        self.task_in_doubt = true;
        Ok(server.send(|api| api.create_task(&body).within(STEP)).await?.value)
    }

    /// Begins the task, on the condition that its revision did not change: of two runs that choose the same task, one
    /// begins it.
    async fn begin(&self, server: &Connection, task: &Task) -> Result<(), CliError> {
        let body =
            PatchTask { status: Some(TaskStatus::InProgress), metadata: Some(self.plan.mark()), error_message: None };
        let begun =
            server.send(|api| api.update_task(task.task_id, &body).at_revision(task.revision).within(STEP)).await;
        match begun {
            Ok(_) => Ok(()),
            Err(CliError::Refused(refused)) if refused.code() == "revision_mismatch" => {
                let found = server.send(|api| api.get_task(task.task_id).within(STEP)).await?.value;
                let ours = self.plan.made(&found.metadata) && found.status == TaskStatus::InProgress;
                if ours { Ok(()) } else { Err(refused.into()) }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Returns the session's tasks in one status, newest first.
    async fn tasks(&self, server: &Connection, session: Uuid, status: TaskStatus) -> Result<Vec<Task>, CliError> {
        let mut query = TaskQuery {
            session_id: Some(session),
            status: Some(status),
            limit: Some(WHOLE_PAGE),
            ..TaskQuery::default()
        };
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let page = server.send(|api| api.list_tasks(&query).within(STEP)).await?.value;
            found.extend(page.items);
            query.paging.cursor = page.next_cursor;
            if query.paging.cursor.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Returns how many tasks of an adopted session are still pending.
    ///
    /// # Errors
    /// Fails with the error of the request.
    pub(crate) async fn left_to_do(&self, server: &Connection) -> Result<usize, CliError> {
        match (&self.plan.whose, &self.session) {
            (SessionSource::Adopted { .. }, Some(session)) => {
                Ok(self.tasks(server, session.session_id, TaskStatus::Pending).await?.len())
            }
            _ => Ok(0),
        }
    }
}
