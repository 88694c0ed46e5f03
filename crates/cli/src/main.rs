//! `rekindle`: a local server in one command, a server for production, and a client of the HTTP API. Its central
//! command is `run`, which makes any command a tracked session.

mod args;
mod commands;
mod connection;
mod data_dir;
mod dispatch;
mod error;
mod hints;
mod list;
mod messages;
mod output;
mod run;
mod tables;
mod target;
mod value_parsers;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::error::CliError;

/// The handling of a heartbeat allocates about forty times. With the system's allocator that is a tenth of its cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The guard is internal, so it is neither in the help nor in the completions.
    if let Some(ended) = run::process_guard::run_if_guard() {
        return ended.map_or_else(|error| CliError::from(error).report(), |()| ExitCode::SUCCESS);
    }
    // One provider must be installed before the first connection. An error means that one already is.
    rustls::crypto::ring::default_provider().install_default().ok();
    let cli = Cli::parse();
    if cli.globals.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    match dispatch::dispatch(cli) {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}
