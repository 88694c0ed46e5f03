//! `rekindle machine`: the commands on machines.

use clap::{Args, Subcommand};
use rekindle_api::{CreateMachine, MachineList, MachineQuery, MachineStatus, Object, PatchMachine};

use crate::connection::Connection;
use crate::error::CliError;
use crate::list::{self, PageArgs};
use crate::output;
use crate::tables;
use crate::target::Globals;
use crate::value_parsers::{object, this_machine};
use crate::watch::Watch;

#[derive(Debug, Subcommand)]
pub(crate) enum MachineCommand {
    /// List them, newest first
    List(ListArgs),
    /// Show one
    Show(Id),
    /// Register one that is new
    Create(CreateArgs),
    /// Register one, or replace its record: what an agent does when it starts
    Register(RegisterArgs),
    /// Change one
    Update(UpdateArgs),
    /// Send a heartbeat
    Beat(Id),
    /// Delete one that has no live sessions
    Delete(Id),
}

#[derive(Debug, Args)]
pub(crate) struct Id {
    /// The machine's id
    id: String,
}

/// Selects machines.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// In this status: online, offline or maintenance
    #[arg(long)]
    status: Option<MachineStatus>,
    #[command(flatten)]
    part: PageArgs,
    #[command(flatten)]
    watch: Watch,
}

/// The description of a machine.
#[derive(Debug, Args)]
pub(crate) struct About {
    /// Its host name; without it this host's
    #[arg(long)]
    hostname: Option<String>,
    /// The slots that it offers, such as 1,2,3
    #[arg(long, value_delimiter = ',')]
    slots: Vec<u16>,
    /// Data of your own, a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    metadata: Option<Object>,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its id; made without it
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    about: About,
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    of: Id,
    #[command(flatten)]
    about: About,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    of: Id,
    /// The status it gets: online, offline or maintenance
    #[arg(long)]
    status: Option<MachineStatus>,
    /// The slots that it offers from now on, such as 1,2,3
    #[arg(long, value_delimiter = ',')]
    slots: Option<Vec<u16>>,
    /// A merge patch of your own data, a JSON object
    #[arg(long, value_parser = object, value_name = "JSON")]
    metadata: Option<Object>,
}

impl About {
    fn body(self, machine_id: Option<String>) -> Result<CreateMachine, CliError> {
        let hostname = this_machine(self.hostname)?;
        Ok(CreateMachine { machine_id, hostname, docker_slots: self.slots, metadata: self.metadata })
    }
}

/// Runs one of these commands.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn machine(globals: &Globals, command: MachineCommand) -> Result<(), CliError> {
    let server = &Connection::new(globals.locate()?)?;
    let answer = match command {
        MachineCommand::List(args) => return list(globals, &args).await,
        MachineCommand::Delete(of) => return server.send(|api| api.delete_machine(of.id)).await.map(drop),
        MachineCommand::Show(of) => server.send(|api| api.get_machine(of.id)).await?,
        MachineCommand::Create(args) => {
            let body = args.about.body(args.id)?;
            server.send(|api| api.create_machine(&body)).await?
        }
        MachineCommand::Register(args) => {
            let body = args.about.body(None)?;
            server.send(|api| api.put_machine(args.of.id, &body)).await?
        }
        MachineCommand::Update(args) => {
            let body = PatchMachine { status: args.status, docker_slots: args.slots, metadata: args.metadata };
            server.send(|api| api.update_machine(args.of.id, &body)).await?
        }
        MachineCommand::Beat(of) => server.send(|api| api.send_machine_heartbeat(of.id)).await?,
    };
    if globals.json { output::data(&answer.text) } else { output::data(&tables::machine(&answer.value)) }
}

async fn list(globals: &Globals, args: &ListArgs) -> Result<(), CliError> {
    let query = |paging| MachineQuery { status: args.status, limit: args.part.page(), paging };
    let draw = async |server: &Connection| {
        let answer = list::fetch(server, &args.part, |api, paging| api.list_machines(&query(paging))).await?;
        let ids = |list: &MachineList| list.items.iter().map(|one| one.machine_id.clone()).collect();
        Ok(list::shown(globals, &args.part, answer, ids, tables::machines))
    };
    args.watch.draw(globals, draw).await
}
