//! Tasks: create, read, list, change, delete.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use rekindle_core::{Task, TaskId, TaskStatus, Tracker, Versioned};

use crate::extract::RequestContext;
use crate::extract::{self, Body, Params, PathId, Precondition};
use crate::response::{HandlerResult, LogFields, created, entity, no_content, with_log};
use rekindle_api::{CreateTask, Paging, PatchTask, Task as Shown, TaskList, TaskQuery};

/// Record a task
///
/// It is pending from now on.
#[utoipa::path(
    post, path = "/api/tasks", tag = "tasks", operation_id = "createTask",
    request_body = CreateTask,
    responses(
        (status = 201, description = "The task", body = Shown),
        (status = 400, description = "Bad fields, a session that does not exist, or another project than the session's"),
        (status = 409, description = "`session_ended`"),
    ),
)]
pub(crate) async fn create(caller: RequestContext, body: Body) -> HandlerResult {
    let new = extract::new_task(&body)?;
    let show = |row: &Versioned<Task>| {
        let answer = created(&format!("/api/tasks/{}", row.value.id), row.version, &Shown::from(row));
        with_log(answer, log_fields("Task created", &row.value))
    };
    caller.respond("create_task", &body, |tracker| async move { tracker.tasks().create(new).await }, show).await
}

fn log_fields(message: &'static str, task: &Task) -> LogFields {
    LogFields {
        message,
        task_id: Some(task.id.to_string()),
        session_id: Some(task.session_id.to_string()),
        project_id: Some(task.project_id.to_string()),
        ..LogFields::default()
    }
}

/// List tasks
///
/// Newest first.
#[utoipa::path(
    get, path = "/api/tasks", tag = "tasks", operation_id = "listTasks", params(TaskQuery, Paging),
    responses(
        (status = 200, description = "A page", body = TaskList),
        (status = 400, description = "Bad parameters"),
    ),
)]
pub(crate) async fn list(caller: RequestContext, req: HttpRequest) -> HandlerResult {
    let (filter, requested) = extract::task_filter(Params::of(&req))?;
    let list = |tracker: Tracker| async move { tracker.tasks().list(&filter, requested.request).await };
    super::list::list(&caller.run("tasks", list).await?, requested, |row| Shown::from(row))
}

/// Show a task
#[utoipa::path(
    get, path = "/api/tasks/{id}", tag = "tasks", operation_id = "getTask",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    responses((status = 200, description = "The task", body = Shown)),
)]
pub(crate) async fn show(caller: RequestContext, id: PathId<TaskId>) -> HandlerResult {
    let row = caller.run("task", |tracker| async move { tracker.tasks().get(id.0).await }).await?;
    entity(StatusCode::OK, row.version, &Shown::from(&row))
}

/// Change a task
///
/// What is absent stays. A task in progress is its session's current task. A repeat changes nothing.
#[utoipa::path(
    patch, path = "/api/tasks/{id}", tag = "tasks", operation_id = "updateTask",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    request_body = PatchTask,
    responses(
        (status = 200, description = "The task", body = Shown),
        (status = 400, description = "Bad fields, or `invalid_transition`"),
        (status = 409, description = "`session_ended`"),
    ),
)]
pub(crate) async fn update(
    caller: RequestContext,
    id: PathId<TaskId>,
    when: Precondition,
    body: Body,
) -> HandlerResult {
    let patch = extract::patch_task(&body, when.0)?;
    let asked = patch.status.is_some();
    let row = caller.run("update_task", |tracker| async move { tracker.tasks().update(id.0, &patch).await }).await?;
    let message = match row.value.status() {
        _ if !asked => "Task updated",
        TaskStatus::Pending => "Task reset",
        TaskStatus::InProgress => "Task started",
        TaskStatus::Blocked => "Task blocked",
        TaskStatus::Completed => "Task completed",
        TaskStatus::Failed => "Task failed",
    };
    with_log(entity(StatusCode::OK, row.version, &Shown::from(&row)), log_fields(message, &row.value))
}

/// Delete a task
#[utoipa::path(
    delete, path = "/api/tasks/{id}", tag = "tasks", operation_id = "deleteTask",
    params(("id" = uuid::Uuid, Path, description = "The task")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "`session_ended`"),
    ),
)]
pub(crate) async fn delete(caller: RequestContext, id: PathId<TaskId>, when: Precondition) -> HandlerResult {
    caller.run("delete_task", |tracker| async move { tracker.tasks().delete(id.0, when.0.as_ref()).await }).await?;
    with_log(no_content(), LogFields { message: "Task deleted", ..LogFields::default() })
}
