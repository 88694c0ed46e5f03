//! `rekindle completions SHELL`: what a shell needs to complete our commands.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::CliError;
use crate::output;

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints them.
///
/// # Errors
/// Stdout is closed.
pub(crate) fn completions(args: &CompletionsArgs, mut commands: Command) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut commands, "rekindle", &mut script);
    output::data(&String::from_utf8_lossy(&script))
}
