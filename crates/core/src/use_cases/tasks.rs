//! Tasks: create, read, change, delete. Each change puts or touches the task's session, so that the session cannot end
//! between the decision and the commit.

use super::decide::Decision;
use super::error::Error;
use super::handles::Tasks;
use super::input::{IfMatch, NewTask, TaskPatch};
use super::session_changes::merge_patch;
use crate::domain::event::{Event, EventKind, Subject};
use crate::domain::rejection::Rejection;
use crate::domain::session::{Phase, Session};
use crate::domain::task::{Task, TaskState, TaskStatus};
use crate::rules::next_update;
use crate::store::{Changes, FindTyped, Page, PageRequest, TaskFilter, Version, Versioned, Write, queries};
use crate::values::{TaskId, TaskLabel, Timestamp};

impl Tasks<'_> {
    /// Creates a task, which is pending.
    ///
    /// # Errors
    /// Fails with [`Rejection::Invalid`] for a session that does not exist or another project than the session's,
    /// [`Rejection::SessionEnded`].
    pub async fn create(&self, new: NewTask) -> Result<Versioned<Task>, Error> {
        self.0.ensure_in_scope(&new.project_id)?;
        let now = self.0.clock.now();
        let created = &Versioned { value: new_task(TaskId(self.0.ids.new_id()), new, now), version: Version::FIRST };
        let task = &created.value;
        self.0
            .decide(move |attempt| async move {
                if attempt.outcome_may_be_ours
                    && let Some(existing) = self.0.store.read(queries::task(task.id)).await?
                {
                    return Ok(Decision::Done(existing));
                }
                let session = self.0.store.read(queries::session(task.session_id)).await?;
                let session =
                    session.filter(|row| self.0.in_scope(&row.value.project_id)).ok_or_else(|| Rejection::Invalid {
                        field: "session_id",
                        why: format!("names no session: there is no session {}", task.session_id),
                    })?;
                ensure_live(&session.value)?;
                if session.value.project_id != task.project_id {
                    return Err(Rejection::Invalid {
                        field: "project_id",
                        why: format!("must be the project of the session, {}", session.value.project_id),
                    }
                    .into());
                }
                let mut changes = Changes::default();
                changes.writes.push(Write::touch::<Session>(task.session_id, session.version.revision));
                changes.insert(task.clone());
                changes.events.push(Event::new(now, EventKind::TaskCreated, Subject::Task(task.id, task.session_id)));
                Ok(Decision::commit(changes, created.clone()))
            })
            .await
    }

    /// Returns one task.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`].
    pub async fn get(&self, id: TaskId) -> Result<Versioned<Task>, Error> {
        let found = self.0.store.read(queries::task(id)).await?.filter(|row| self.0.in_scope(&row.value.project_id));
        found.ok_or_else(|| Rejection::NotFound { entity: "task", id: id.to_string() }.into())
    }

    /// Returns a page of tasks, newest first.
    ///
    /// # Errors
    /// Fails with [`Rejection::OtherProject`] for a tracker that is limited to another project, or if the store fails.
    pub async fn list(&self, filter: &TaskFilter, page: PageRequest) -> Result<Page<Task>, Error> {
        let project_id = self.0.project_filter(filter.project_id.as_ref())?;
        Ok(self.0.store.read(queries::tasks(&TaskFilter { project_id, ..filter.clone() }, page)).await?)
    }

    /// Changes a task. A task that becomes in progress becomes the session's current task; one that leaves that status
    /// stops being it. A patch that changes nothing leaves the revision as it is.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::SessionEnded`],
    /// [`Rejection::InvalidTransition`], [`Rejection::Invalid`] for metadata that grew too large.
    pub async fn update(&self, id: TaskId, patch: &TaskPatch) -> Result<Versioned<Task>, Error> {
        let now = self.0.clock.now();
        self.0
            .decide(move |attempt| async move {
                let row = self.get(id).await?;
                if !attempt.outcome_may_be_ours {
                    IfMatch::check(patch.if_match.as_ref(), row.version)?;
                }
                let session = self.0.load_session(row.value.session_id).await?;
                ensure_live(&session.value)?;
                let mut next = row.value.clone();
                if let Some(target) = &patch.status {
                    next.state = row.value.moved(target, now)?;
                }
                if let Some(merge) = &patch.metadata {
                    next.metadata = merge_patch(&row.value.metadata, merge)?;
                }
                if next == row.value {
                    return Ok(Decision::Done(row));
                }
                // After an unknown outcome only now: had it been written, nothing would be left to change.
                IfMatch::check(patch.if_match.as_ref(), row.version)?;
                next.updated_at = next_update(row.value.updated_at, now);
                let mut changes = Changes::default();
                put_or_touch(&mut changes, &session, current_after(&session.value, &row.value, &next), now);
                changes.update(next.clone(), row.version);
                changes.events.push(event(&row.value, &next, now));
                let next = Versioned { value: next, version: row.version.after_put() };
                Ok(Decision::commit(changes, next))
            })
            .await
    }

    /// Deletes a task.
    ///
    /// # Errors
    /// Fails with [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::SessionEnded`].
    pub async fn delete(&self, id: TaskId, if_match: Option<&IfMatch>) -> Result<(), Error> {
        let now = self.0.clock.now();
        self.0
            .decide(move |attempt| async move {
                let row = match self.get(id).await {
                    Err(Error::Rejected(Rejection::NotFound { .. })) if attempt.outcome_may_be_ours => {
                        return Ok(Decision::Done(()));
                    }
                    found => found?,
                };
                IfMatch::check(if_match, row.version)?;
                let session = self.0.load_session(row.value.session_id).await?;
                ensure_live(&session.value)?;
                let mut changes = Changes::default();
                put_or_touch(&mut changes, &session, without(&session.value, id), now);
                changes.writes.push(Write::delete::<Task>(id, row.version));
                let subject = Subject::Task(id, row.value.session_id);
                changes.events.push(Event::new(now, EventKind::TaskDeleted, subject));
                Ok(Decision::commit(changes, ()))
            })
            .await
    }
}

/// Fails with [`Rejection::SessionEnded`] for an ended session, whose tasks cannot be changed.
fn ensure_live(session: &Session) -> Result<(), Rejection> {
    if session.status().is_live() { Ok(()) } else { Err(session.ended_rejection()) }
}

/// Returns the session's current task after a task changed from one state to another.
fn current_after(session: &Session, before: &Task, after: &Task) -> Option<TaskLabel> {
    match (before.status(), after.status()) {
        (was, TaskStatus::InProgress) if was != TaskStatus::InProgress => Some(TaskLabel::of_task(after.id)),
        (TaskStatus::InProgress, now) if now != TaskStatus::InProgress => without(session, after.id),
        _ => session.current_task().cloned(),
    }
}

/// Returns the session's current task, unless it is this one.
fn without(session: &Session, task: TaskId) -> Option<TaskLabel> {
    session.current_task().filter(|current| **current != TaskLabel::of_task(task)).cloned()
}

fn put_or_touch(changes: &mut Changes, row: &Versioned<Session>, current: Option<TaskLabel>, now: Timestamp) {
    let mut next = row.value.clone();
    if let Phase::Live(live) = &mut next.phase {
        live.current_task = current;
    }
    if next == row.value {
        changes.writes.push(Write::touch::<Session>(next.id, row.version.revision));
    } else {
        next.updated_at = next_update(row.value.updated_at, now);
        changes.update(next, row.version);
    }
}

fn event(before: &Task, after: &Task, now: Timestamp) -> Event {
    let kind = match after.status() {
        same if same == before.status() => EventKind::TaskUpdated,
        TaskStatus::Pending => EventKind::TaskReset,
        TaskStatus::InProgress => EventKind::TaskStarted,
        TaskStatus::Blocked => EventKind::TaskBlocked,
        TaskStatus::Completed => EventKind::TaskCompleted,
        TaskStatus::Failed => EventKind::TaskFailed,
    };
    let event = Event::new(now, kind, Subject::Task(after.id, after.session_id));
    match (kind, after.error_message()) {
        (EventKind::TaskFailed, Some(message)) => event.with("error_message", message.as_str()),
        _ => event,
    }
}

fn new_task(id: TaskId, new: NewTask, now: Timestamp) -> Task {
    Task {
        id,
        session_id: new.session_id,
        project_id: new.project_id,
        github_issue_id: new.github_issue_id,
        name: new.name,
        state: TaskState::Pending,
        metadata: new.metadata,
        copied_from: None,
        created_at: now,
        updated_at: now,
    }
}
