//! The whole command line. The arguments of each family of commands are in the file of that family.

use clap::{Parser, Subcommand};

use crate::commands::{audit, cleanup, completions, config, db, health, key, machine, run, session, task};
use crate::target::Globals;
use crate::watch::Watch;

const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  something unexpected, such as a port in use
   2  the command line was wrong
   3  the server refused: what was asked for cannot be done as things stand
   4  no server answered, or one that cannot serve now
  75  `run` only: the command was stopped, because its session goes on elsewhere
  78  a setting is missing or wrong, such as the API key
`run` otherwise exits as its command did: with its status, or 128 + the number of the signal that ended it;
127 where there is no such command, 126 where it cannot be run.

The first steps, in two terminals in the same folder:
  rekindle dev
  rekindle run --project demo -- make
  rekindle status";

/// Knows which agent sessions are alive, notices when one falls silent, and brings its work back exactly once.
#[derive(Debug, Parser)]
#[command(name = "rekindle", version, after_help = EXIT_CODES, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a server for this folder: the one command to begin with
    Dev(config::SettingFlags),
    /// Run a server with the settings of config/*.toml, .env, the environment and these flags
    Serve(config::SettingFlags),
    /// Show and check the settings that `serve` would have
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Run a command as a session: registered, kept alive, and reported however it ends
    Run(run::RunArgs),
    /// Show how many sessions there are, and which have fallen silent
    Status(Watch),
    /// List, show, change and recover sessions
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// List, show and change tasks
    #[command(subcommand)]
    Task(task::TaskCommand),
    /// List, show, register and change machines
    #[command(subcommand)]
    Machine(machine::MachineCommand),
    /// Hand out, list, replace and take away API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Show who did what, and who was refused
    Audit(audit::AuditArgs),
    /// Ask the server whether it is alive, without a key: exit code 0 or 4, for containers and scripts
    Health(health::HealthArgs),
    /// Look for silent sessions now
    Detect,
    /// Delete old ended sessions now; archived ones stay
    Cleanup(cleanup::CleanupArgs),
    /// Check, back up, restore and move a database itself, without a server
    Db(db::DbArgs),
    /// Print the completions for a shell
    Completions(completions::CompletionsArgs),
}

#[cfg(test)]
mod tests;
