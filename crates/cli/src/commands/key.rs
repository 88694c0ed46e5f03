//! `rekindle key`: creates, lists, rotates and revokes API keys on a running server.

use std::time::Duration;

use clap::{Args, Subcommand};
use rekindle_api::{CreateApiKey, NewApiKey, Role, RotateApiKey};
use rekindle_client::{Answer, Client};
use uuid::Uuid;

use crate::connection::Connection;
use crate::error::CliError;
use crate::messages::say;
use crate::output;
use crate::tables::{self, KeyValueTable};
use crate::target::Globals;
use crate::value_parsers::{days, id, span};

/// The commands on API keys. They need an administrator's key: one of the server's `API_KEYS`, or one with that role.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Hand one out; its secret is shown once
    Create(CreateArgs),
    /// List them, newest first
    List,
    /// Replace one: a new secret, and the old one is accepted a while longer
    Rotate(RotateArgs),
    /// Take one away: it is no longer accepted
    Revoke(Id),
}

#[derive(Debug, Args)]
pub(crate) struct Id {
    /// The key's id, as `key list` shows it; not the secret
    #[arg(value_parser = id)]
    id: Uuid,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What it is called, such as the machine that it is for
    #[arg(long, default_value = "unnamed")]
    name: String,
    /// What it may do: reader, worker, operator or admin
    #[arg(long)]
    role: Role,
    /// The one project that it may see and touch
    #[arg(long)]
    project: Option<String>,
    /// For how long it is good, in whole days, such as 90d; without it until it is taken away
    #[arg(long, value_parser = days, value_name = "DAYS")]
    expires: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    of: Id,
    /// For how long the old one is accepted beside the new one, such as 1h or 2days
    #[arg(long, value_parser = span, value_name = "SPAN", default_value = "1day")]
    overlap: Duration,
    /// For how long the new one is good, in whole days, such as 90d
    #[arg(long, value_parser = days, value_name = "DAYS")]
    expires: Option<u64>,
}

/// Runs one of these commands.
///
/// # Errors
/// Fails with the error of the request.
pub(crate) async fn key(globals: &Globals, command: KeyCommand) -> Result<(), CliError> {
    let server = &Connection::new(globals.locate()?)?;
    match command {
        KeyCommand::Create(args) => {
            let CreateArgs { name, role, project: project_id, expires: expires_in_days } = args;
            let body = CreateApiKey { name, role: role.to_string(), project_id, expires_in_days };
            show_new(globals, &server.send(|api| api.create_api_key(&body)).await?)
        }
        KeyCommand::List => {
            let answer = server.send(Client::list_api_keys).await?;
            if globals.json { output::data(&answer.text) } else { output::data(&tables::keys(&answer.value)) }
        }
        KeyCommand::Rotate(args) => {
            let overlap_seconds = Some(args.overlap.as_secs());
            let body = RotateApiKey { overlap_seconds, expires_in_days: args.expires };
            show_new(globals, &server.send(|api| api.rotate_api_key(args.of.id, &body)).await?)
        }
        KeyCommand::Revoke(of) => {
            let answer = server.send(|api| api.revoke_api_key(of.id)).await?;
            if globals.json { output::data(&answer.text) } else { output::data(&tables::key(&answer.value).0) }
        }
    }
}

/// Prints the secret of a new key. It is shown only here.
fn show_new(globals: &Globals, answer: &Answer<NewApiKey>) -> Result<(), CliError> {
    if globals.json {
        return output::data(&answer.text);
    }
    let mut facts: KeyValueTable = tables::key(&answer.value.key);
    facts.maybe("secret", answer.value.secret);
    output::data(&facts.0)?;
    say("the secret is shown this once; it is what goes into X-API-Key, and into REKINDLE_API_KEY for this program");
    Ok(())
}
