//! `rekindle session`: the commands on sessions.

use clap::{Args, Subcommand};
use rekindle_api::{
    CreateSession, HeartbeatBody, MarkFailed, Nullable, Object, PatchSession, PrepareRecovery, Recover, Session,
    SessionList, SessionQuery, SessionStatus,
};
use rekindle_client::Answer;
use uuid::Uuid;

use crate::connection::Connection;
use crate::error::CliError;
use crate::list::{self, PageArgs};
use crate::tables::{self, KeyValueTable};
use crate::target::Globals;
use crate::value_parsers::{id, object, this_machine};
use crate::watch::Watch;
use crate::{messages, output};

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List them, newest first
    List(ListArgs),
    /// Show one
    Show(Id),
    /// Register one
    Create(CreateArgs),
    /// Send a heartbeat
    Beat(BeatArgs),
    /// Pause one: no heartbeats are expected meanwhile
    Pause(Id),
    /// Continue a paused one
    Resume(Id),
    /// End one: it is completed
    Complete(Id),
    /// End one: it failed
    Fail(FailArgs),
    /// Declare one silent, without waiting for its deadline
    Stall(Id),
    /// Show whether one is in time
    Health(Id),
    /// Show what one has done, and what is left
    RecoveryState(Id),
    /// Note that the recovery of one begins elsewhere
    PrepareRecovery(PrepareArgs),
    /// Continue the work of a failed or stalled one in a new session; repeating it gives the same session
    Recover(RecoverArgs),
    /// Keep an ended one from cleanup
    Archive(Id),
    /// Delete one and its tasks
    Delete(Id),
}

#[derive(Debug, Args)]
pub(crate) struct Id {
    /// The session's id
    #[arg(value_parser = id)]
    id: Uuid,
}

/// Selects sessions.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Of this project
    #[arg(long)]
    project: Option<String>,
    /// On this machine
    #[arg(long)]
    machine: Option<String>,
    /// In this status: active, paused, stalled, completed or failed
    #[arg(long)]
    status: Option<SessionStatus>,
    /// Of this lineage, a chain of recoveries
    #[arg(long, value_name = "ID", value_parser = id)]
    lineage: Option<Uuid>,
    /// Archived ones only (true), or without them (false)
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    archived: Option<bool>,
    #[command(flatten)]
    part: PageArgs,
    #[command(flatten)]
    watch: Watch,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The project that it works through
    #[arg(long)]
    project: String,
    /// Where it runs; without it this host's name
    #[arg(long)]
    machine: Option<String>,
    /// The slot that it takes there
    #[arg(long)]
    slot: Option<u16>,
    /// Data of your own, a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    metadata: Option<Object>,
}

#[derive(Debug, Args)]
pub(crate) struct BeatArgs {
    #[command(flatten)]
    of: Id,
    /// What it works on
    #[arg(long)]
    task: Option<String>,
    /// It works on nothing
    #[arg(long, conflicts_with = "task")]
    no_task: bool,
    /// A merge patch of your own data, a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    metadata: Option<Object>,
}

#[derive(Debug, Args)]
pub(crate) struct FailArgs {
    #[command(flatten)]
    of: Id,
    /// Why
    #[arg(long, short)]
    message: String,
    /// A merge patch of your own data, a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    metadata: Option<Object>,
}

#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    #[command(flatten)]
    of: Id,
    /// Free its slot for others
    #[arg(long)]
    release_slot: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    #[command(flatten)]
    of: Id,
    /// The machine that takes over; without it this host's name
    #[arg(long)]
    machine: Option<String>,
    /// The slot there
    #[arg(long)]
    slot: Option<u16>,
    /// Leave failed tasks failed; otherwise each gets a new pending one
    #[arg(long)]
    keep_failed: bool,
}

/// Runs one of these commands.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn session(globals: &Globals, command: SessionCommand) -> Result<(), CliError> {
    let server = &Connection::new(globals.locate()?)?;
    let changed = match command {
        SessionCommand::List(args) => return list(globals, &args).await,
        SessionCommand::Health(of) => return health(globals, server, of).await,
        SessionCommand::RecoveryState(of) => return recovery_state(globals, server, of).await,
        SessionCommand::Recover(args) => return recover(globals, server, args).await,
        SessionCommand::Beat(args) => return beat(globals, server, args).await,
        SessionCommand::Delete(of) => return server.send(|api| api.delete_session(of.id)).await.map(drop),
        SessionCommand::Create(args) => create(server, args).await?,
        SessionCommand::Show(of) => server.send(|api| api.get_session(of.id)).await?,
        SessionCommand::Pause(of) => patch(server, of, SessionStatus::Paused).await?,
        SessionCommand::Resume(of) => patch(server, of, SessionStatus::Active).await?,
        SessionCommand::Complete(of) => patch(server, of, SessionStatus::Completed).await?,
        SessionCommand::Fail(args) => {
            let body = MarkFailed { error_message: args.message, metadata: args.metadata };
            server.send(|api| api.mark_session_failed(args.of.id, &body)).await?
        }
        SessionCommand::Stall(of) => server.send(|api| api.mark_session_stalled(of.id)).await?,
        SessionCommand::PrepareRecovery(args) => {
            let body = PrepareRecovery { release_slot: args.release_slot.then_some(true) };
            server.send(|api| api.prepare_recovery(args.of.id, &body)).await?
        }
        SessionCommand::Archive(of) => server.send(|api| api.archive_session(of.id)).await?,
    };
    show(globals, &changed)
}

async fn list(globals: &Globals, args: &ListArgs) -> Result<(), CliError> {
    let query = |paging| SessionQuery {
        project_id: args.project.clone(),
        machine_id: args.machine.clone(),
        status: args.status,
        archived: args.archived,
        lineage_id: args.lineage,
        limit: args.part.page(),
        paging,
    };
    let draw = async |server: &Connection| {
        let answer = list::fetch(server, &args.part, |api, paging| api.list_sessions(&query(paging))).await?;
        let ids = |list: &SessionList| list.items.iter().map(|one| one.session_id.to_string()).collect();
        Ok(list::shown(globals, &args.part, answer, ids, tables::sessions))
    };
    args.watch.draw(globals, draw).await
}

async fn create(server: &Connection, args: CreateArgs) -> Result<Answer<Session>, CliError> {
    let body = CreateSession {
        project_id: args.project,
        machine_id: this_machine(args.machine)?,
        docker_slot: args.slot,
        metadata: args.metadata,
    };
    server.send(|api| api.create_session(&body)).await
}

async fn patch(server: &Connection, of: Id, status: SessionStatus) -> Result<Answer<Session>, CliError> {
    let body = PatchSession { status: Some(status), ..PatchSession::default() };
    server.send(|api| api.update_session(of.id, &body)).await
}

async fn beat(globals: &Globals, server: &Connection, args: BeatArgs) -> Result<(), CliError> {
    let current_task_id = match (args.task, args.no_task) {
        (Some(task), _) => Nullable::Value(task),
        (None, true) => Nullable::Null,
        (None, false) => Nullable::Absent,
    };
    let body = HeartbeatBody { current_task_id, metadata: args.metadata };
    let answer = server.send(|api| api.send_heartbeat(args.of.id, &body)).await?;
    let next = std::time::Duration::from_millis(answer.value.next_heartbeat_ms);
    let shown = || format!("{}next beat       within {}\n", tables::session(&answer.value.session), output::span(next));
    output::data(&if globals.json { answer.text } else { shown() })
}

async fn health(globals: &Globals, server: &Connection, of: Id) -> Result<(), CliError> {
    let answer = server.send(|api| api.get_session_health(of.id)).await?;
    let health = &answer.value;
    let verdict = match (health.is_healthy, health.is_stalled) {
        (true, _) => "healthy",
        (false, true) => "stalled",
        (false, false) => "neither healthy nor stalled",
    };
    let mut facts = KeyValueTable::default();
    facts.add("session", &health.session_id);
    facts.add("health", &verdict);
    facts.add("status", &health.status);
    facts.add("silent for", &output::span(std::time::Duration::from_millis(health.time_since_heartbeat_ms)));
    facts.add("missed after", &output::span(std::time::Duration::from_millis(health.stall_threshold_ms)));
    output::data(&if globals.json { answer.text } else { facts.0 })
}

async fn recovery_state(globals: &Globals, server: &Connection, of: Id) -> Result<(), CliError> {
    let answer = server.send(|api| api.get_recovery_state(of.id)).await?;
    if globals.json {
        return output::data(&answer.text);
    }
    let state = &answer.value;
    let mut facts = KeyValueTable::default();
    facts.add("session", &state.session_id);
    facts.add("project", &state.project_id);
    facts.add("last beat", &output::age(state.last_heartbeat));
    facts.add("done last", &state.last_successful_task.as_ref().map_or("nothing", |task| &task.task_name));
    facts.maybe("recovered into", state.recovered_into);
    facts.metadata(&state.metadata);
    let mut drawn = facts.0;
    let left = [
        ("in progress", &state.in_progress_tasks),
        ("pending", &state.pending_tasks),
        ("blocked", &state.blocked_tasks),
        ("failed", &state.failed_tasks),
    ];
    for (name, tasks) in left {
        if !tasks.is_empty() {
            drawn += &format!("\n{name}:\n{}", tables::task_rows(tasks));
        }
    }
    output::data(&drawn)
}

async fn recover(globals: &Globals, server: &Connection, args: RecoverArgs) -> Result<(), CliError> {
    let body = Recover {
        new_machine_id: this_machine(args.machine)?,
        docker_slot: args.slot,
        reset_failed_tasks: args.keep_failed.then_some(false),
    };
    let answer = server.send(|api| api.recover_session(args.of.id, &body)).await?;
    show(globals, &answer)?;
    let id = answer.value.session_id;
    if answer.replayed {
        messages::say("it had been recovered before; this is the session that goes on with it");
    }
    messages::say(&format!("to go on: rekindle run --session {id} -- COMMAND"));
    Ok(())
}

fn show(globals: &Globals, answer: &Answer<Session>) -> Result<(), CliError> {
    if globals.json { output::data(&answer.text) } else { output::data(&tables::session(&answer.value)) }
}
