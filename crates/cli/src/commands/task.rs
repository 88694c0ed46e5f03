//! `rekindle task`: the commands on tasks.

use clap::{Args, Subcommand};
use rekindle_api::{CreateTask, Object, PatchTask, Task, TaskList, TaskQuery, TaskStatus};
use rekindle_client::Answer;
use uuid::Uuid;

use crate::connection::Connection;
use crate::error::CliError;
use crate::list::{self, PageArgs};
use crate::output;
use crate::tables;
use crate::target::Globals;
use crate::value_parsers::{id, object};
use crate::watch::Watch;

#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// List them, newest first
    List(ListArgs),
    /// Show one
    Show(Id),
    /// Add one to a session
    Create(CreateArgs),
    /// Begin one; it becomes its session's current task
    Start(ChangeArgs),
    /// End one: done
    Complete(ChangeArgs),
    /// End one: not done
    Fail(FailArgs),
    /// Mark one as blocked
    Block(ChangeArgs),
    /// Put one back to pending
    Reset(ChangeArgs),
    /// Delete one
    Delete(Id),
}

#[derive(Debug, Args)]
pub(crate) struct Id {
    /// The task's id
    #[arg(value_parser = id)]
    id: Uuid,
}

/// Selects tasks.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Of this session
    #[arg(long, value_name = "ID", value_parser = id)]
    session: Option<Uuid>,
    /// Of this project
    #[arg(long)]
    project: Option<String>,
    /// In this status: pending, in_progress, blocked, completed or failed
    #[arg(long)]
    status: Option<TaskStatus>,
    #[command(flatten)]
    part: PageArgs,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The session that will work on it
    #[arg(long, value_name = "ID", env = "REKINDLE_SESSION_ID", value_parser = id)]
    session: Uuid,
    /// What is to be done
    #[arg(long)]
    name: String,
    /// The session's project; looked up without it
    #[arg(long)]
    project: Option<String>,
    /// The issue that it belongs to
    #[arg(long)]
    issue: Option<String>,
    /// Data of your own, a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    metadata: Option<Object>,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    of: Id,
    /// A merge patch of your own data, a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    metadata: Option<Object>,
}

#[derive(Debug, Args)]
pub(crate) struct FailArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// Why
    #[arg(long, short)]
    message: String,
}

/// Runs one of these commands.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn task(globals: &Globals, command: TaskCommand) -> Result<(), CliError> {
    let server = &Connection::new(globals.locate()?)?;
    let changed = match command {
        TaskCommand::List(args) => return list(globals, &args).await,
        TaskCommand::Delete(of) => return server.send(|api| api.delete_task(of.id)).await.map(drop),
        TaskCommand::Show(of) => server.send(|api| api.get_task(of.id)).await?,
        TaskCommand::Create(args) => create(server, args).await?,
        TaskCommand::Start(args) => patch(server, args, TaskStatus::InProgress, None).await?,
        TaskCommand::Complete(args) => patch(server, args, TaskStatus::Completed, None).await?,
        TaskCommand::Fail(args) => patch(server, args.change, TaskStatus::Failed, Some(args.message)).await?,
        TaskCommand::Block(args) => patch(server, args, TaskStatus::Blocked, None).await?,
        TaskCommand::Reset(args) => patch(server, args, TaskStatus::Pending, None).await?,
    };
    if globals.json { output::data(&changed.text) } else { output::data(&tables::task(&changed.value)) }
}

async fn list(globals: &Globals, args: &ListArgs) -> Result<(), CliError> {
    let query = |paging| TaskQuery {
        session_id: args.session,
        project_id: args.project.clone(),
        status: args.status,
        limit: args.part.page(),
        paging,
    };
    let draw = async |server: &Connection| {
        let answer = list::fetch(server, &args.part, |api, paging| api.list_tasks(&query(paging))).await?;
        let ids = |list: &TaskList| list.items.iter().map(|one| one.task_id.to_string()).collect();
        Ok(list::shown(globals, &args.part, answer, ids, tables::tasks))
    };
    args.watch.draw(globals, draw).await
}

async fn create(server: &Connection, args: CreateArgs) -> Result<Answer<Task>, CliError> {
    let project_id = match args.project {
        Some(project) => project,
        None => server.send(|api| api.get_session(args.session)).await?.value.project_id,
    };
    let body = CreateTask {
        session_id: args.session.to_string(),
        project_id,
        github_issue_id: args.issue,
        task_name: args.name,
        metadata: args.metadata,
    };
    server.send(|api| api.create_task(&body)).await
}

async fn patch(
    server: &Connection,
    args: ChangeArgs,
    status: TaskStatus,
    error_message: Option<String>,
) -> Result<Answer<Task>, CliError> {
    let body = PatchTask { status: Some(status), error_message, metadata: args.metadata };
    server.send(|api| api.update_task(args.of.id, &body)).await
}
