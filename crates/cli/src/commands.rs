//! The commands, one file for each family.

pub mod audit;
pub mod cleanup;
pub mod completions;
pub mod config;
pub mod db;
pub mod detect;
pub mod dev;
pub mod health;
pub mod key;
pub mod machine;
pub mod run;
pub mod serve;
pub mod session;
pub mod status;
pub mod task;

use std::process::ExitCode;

use anyhow::Context;

use crate::args::{Cli, Command};
use crate::error::CliError;

/// Does what was asked for.
///
/// # Errors
/// Why it could not be done.
pub fn dispatch(cli: Cli) -> Result<ExitCode, CliError> {
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
        Command::Completions(args) => completions::completions(&args).map(|()| ExitCode::SUCCESS),
    }
}

fn done(command: impl Future<Output = Result<(), CliError>>) -> Result<ExitCode, CliError> {
    block_on(command).map(|()| ExitCode::SUCCESS)
}

/// Everything happens on the main thread, which lives as long as the process: `run` binds its command's life to it.
fn block_on<T>(command: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let done = runtime.block_on(command);
    // A name that is still being looked up must not hold up the end.
    runtime.shutdown_background();
    done
}
