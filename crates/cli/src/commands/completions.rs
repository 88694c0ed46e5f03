//! `rekindle completions SHELL`: prints the completion script of a shell.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::CliError;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the completion script.
///
/// # Errors
/// Fails if stdout is closed.
pub(crate) fn completions(args: &CompletionsArgs, mut commands: Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut commands, "rekindle", &mut script);
    output::data(&String::from_utf8_lossy(&script))
}
