//! Tasks: create, read, change, delete. Whatever is decided on a task's session is noted on the session, so that it
//! cannot end unseen in between.

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
use crate::store::{Changes, Page, PageRequest, TaskFilter, Version, Versioned, Write};
use crate::values::{TaskId, TaskLabel, Timestamp};

impl Tasks<'_> {
    /// Records a task, pending from now on.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] for a session that does not exist or another project than the session's,
    /// [`Rejection::SessionEnded`].
    pub async fn create(&self, new: NewTask) -> Result<Versioned<Task>, Error> {
        self.0.ensure_in_scope(&new.project_id)?;
        let now = self.0.clock.now();
        let made = &Versioned { value: new_task(TaskId(self.0.ids.new_id()), new, now), version: Version::FIRST };
        let task = &made.value;
        self.0
            .decide(move |attempt| async move {
                if attempt.outcome_may_be_ours
                    && let Some(made) = self.0.store.task(task.id).await?
                {
                    return Ok(Decision::Done(made));
                }
                let session = self.0.store.session(task.session_id).await?;
                let session =
                    session.filter(|row| self.0.in_scope(&row.value.project_id)).ok_or_else(|| Rejection::Invalid {
                        field: "session_id",
                        why: format!("names no session: there is no session {}", task.session_id),
                    })?;
                may_work(&session.value)?;
                if session.value.project_id != task.project_id {
                    return Err(Rejection::Invalid {
                        field: "project_id",
                        why: format!("must be the project of the session, {}", session.value.project_id),
                    }
                    .into());
                }
                let mut changes = Changes::default();
                changes.writes.push(Write::TouchSession(task.session_id, session.version.revision));
                changes.insert(task.clone());
                changes.events.push(Event::new(now, EventKind::TaskCreated, Subject::Task(task.id, task.session_id)));
                Ok(Decision::commit(changes, made.clone()))
            })
            .await
    }

    /// One task.
    ///
    /// # Errors
    /// [`Rejection::NotFound`].
    pub async fn get(&self, id: TaskId) -> Result<Versioned<Task>, Error> {
        let found = self.0.store.task(id).await?.filter(|row| self.0.in_scope(&row.value.project_id));
        found.ok_or_else(|| Rejection::NotFound { entity: "task", id: id.to_string() }.into())
    }

    /// A page of tasks, newest first.
    ///
    /// # Errors
    /// [`Rejection::OtherProject`] for a tracker that is bound to one, and the store's.
    pub async fn list(&self, filter: &TaskFilter, page: PageRequest) -> Result<Page<Task>, Error> {
        let project_id = self.0.project_filter(filter.project_id.as_ref())?;
        Ok(self.0.store.tasks(&TaskFilter { project_id, ..filter.clone() }, page).await?)
    }

    /// Changes a task. Work that begins becomes its session's current task, work that ends stops being it. A patch
    /// that changes nothing leaves the revision alone.
    ///
    /// # Errors
    /// [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::SessionEnded`],
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
                may_work(&session.value)?;
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
                // Under doubt only now: had our own earlier attempt been written, nothing would be left to change.
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
    /// [`Rejection::NotFound`], [`Rejection::RevisionMismatch`], [`Rejection::SessionEnded`].
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
                may_work(&session.value)?;
                let mut changes = Changes::default();
                put_or_touch(&mut changes, &session, without(&session.value, id), now);
                changes.writes.push(Write::DeleteTask(id, row.version));
                let subject = Subject::Task(id, row.value.session_id);
                changes.events.push(Event::new(now, EventKind::TaskDeleted, subject));
                Ok(Decision::commit(changes, ()))
            })
            .await
    }
}

/// A task of an ended session refuses every write.
fn may_work(session: &Session) -> Result<(), Rejection> {
    if session.status().is_live() { Ok(()) } else { Err(session.ended_rejection()) }
}

/// The session's current task after a task went from one state to another.
fn current_after(session: &Session, before: &Task, after: &Task) -> Option<TaskLabel> {
    match (before.status(), after.status()) {
        (was, TaskStatus::InProgress) if was != TaskStatus::InProgress => Some(TaskLabel::of_task(after.id)),
        (TaskStatus::InProgress, now) if now != TaskStatus::InProgress => without(session, after.id),
        _ => session.current_task().cloned(),
    }
}

/// The session's current task, unless it is this one.
fn without(session: &Session, task: TaskId) -> Option<TaskLabel> {
    session.current_task().filter(|current| **current != TaskLabel::of_task(task)).cloned()
}

fn put_or_touch(changes: &mut Changes, row: &Versioned<Session>, current: Option<TaskLabel>, now: Timestamp) {
    let mut next = row.value.clone();
    if let Phase::Live(live) = &mut next.phase {
        live.current_task = current;
    }
    if next == row.value {
        changes.writes.push(Write::TouchSession(next.id, row.version.revision));
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
