//! `rekindle serve`: the server for production, with its settings from files, the environment and the command line.

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use rekindle_server::settings::{Settings, table};
use rekindle_server::{ServeError, ServerBuilder, start_log};
use rekindle_settings::{ConfigurationError, Sources};

use super::config::SettingFlags;
use crate::error::CliError;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Settings are missing or wrong, or it cannot listen.
pub(crate) fn serve(flags: SettingFlags) -> Result<ExitCode, CliError> {
    let settings = Settings::of(&Sources::of_server(&table::TABLE, flags.given()).gather())?;
    let _log = start_log(&settings)?;
    settings.announce();
    multi_thread_runtime(async { ended(ServerBuilder::new(&settings).run(|_| Ok(())).await) })
}

/// Runs the server. A second signal ends it at once, with the exit status of the signal.
///
/// # Errors
/// Fails with the reason why it did not run.
pub(crate) fn ended(ended: Result<(), ServeError>) -> Result<ExitCode, CliError> {
    match ended {
        Err(ServeError::Interrupted { code, .. }) => Ok(ExitCode::from(code)),
        ended => Ok(ended.map(|()| ExitCode::SUCCESS)?),
    }
}

/// A server, unlike a client, has work for more than one thread.
///
/// # Errors
/// The server's.
pub(crate) fn multi_thread_runtime(
    server: impl Future<Output = Result<ExitCode, CliError>>,
) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(server)
}

impl From<ConfigurationError> for CliError {
    fn from(error: ConfigurationError) -> Self {
        Self::Configuration(error.to_string())
    }
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Settings(_) | ServeError::Store { .. } | ServeError::Tls { .. } => {
                Self::Configuration(error.to_string())
            }
            ServeError::Failed(_) | ServeError::Interrupted { .. } => Self::Unexpected(anyhow!(error)),
        }
    }
}
