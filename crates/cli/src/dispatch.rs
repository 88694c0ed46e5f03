//! Runs the command that the command line names, on the runtime that it needs.

use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;

use crate::args::{Cli, Command};
use crate::commands::{
    audit, cleanup, completions, config, db, detect, dev, health, key, machine, run, serve, session, status, task,
};
use crate::error::CliError;

/// Runs the given command.
///
/// # Errors
/// Fails with the error of the command.
pub(crate) fn dispatch(cli: Cli) -> Result<ExitCode, CliError> {
    let globals = cli.globals;
    match cli.command {
        Command::Dev(args) => dev::dev(&globals, args),
        Command::Serve(flags) => serve::serve(flags),
        Command::Config(command) => config::config(&globals, command).map(|()| ExitCode::SUCCESS),
        Command::Run(args) => block_on(run::run(&globals, args)),
        Command::Status(watch) => done(status::status(&globals, &watch)),
        Command::Session(command) => done(session::session(&globals, command)),
        Command::Task(command) => done(task::task(&globals, command)),
        Command::Machine(command) => done(machine::machine(&globals, command)),
        Command::Key(command) => done(key::key(&globals, command)),
        Command::Audit(args) => done(audit::audit(&globals, args)),
        Command::Health(args) => done(health::health(&globals, &args)),
        Command::Detect => done(detect::detect(&globals)),
        Command::Cleanup(args) => done(cleanup::cleanup(&globals, &args)),
        Command::Db(args) => block_on(db::db(&globals, args)),
        Command::Completions(args) => completions::completions(&args, Cli::command()).map(|()| ExitCode::SUCCESS),
    }
}

fn done(command: impl Future<Output = Result<(), CliError>>) -> Result<ExitCode, CliError> {
    block_on(command).map(|()| ExitCode::SUCCESS)
}

/// Runs a client's command on the main thread, which lives as long as the process: `run` binds its command's life to
/// it.
fn block_on<T>(command: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let done = runtime.block_on(command);
    // A name resolution that is still running must not delay the end of the process.
    runtime.shutdown_background();
    done
}
