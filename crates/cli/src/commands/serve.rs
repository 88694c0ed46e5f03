//! `rekindle serve`: runs the production server, with settings from files, the environment and the command line.

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use rekindle_server::settings::{Settings, table};
use rekindle_server::{ServeError, ServerBuilder, start_log};
use rekindle_settings::{ConfigurationError, Sources};

use super::config::SettingFlags;
use crate::error::CliError;

/// Runs the server until SIGTERM or SIGINT.
///
/// # Errors
/// Fails if settings are missing or wrong, or if the server cannot listen.
pub(crate) fn serve(flags: SettingFlags) -> Result<ExitCode, CliError> {
    let settings = Settings::of(&Sources::of_server(&table::TABLE, flags.given()).gather())?;
    let _log = start_log(&settings)?;
    settings.announce();
    multi_thread_runtime(async { ended(ServerBuilder::new(&settings).run(|_| Ok(())).await) })
}

/// Turns the end of a server into an exit code. A second signal ends the process with the code of that signal and no
/// message.
///
/// # Errors
/// Fails with the reason why the server did not run.
pub(crate) fn ended(ended: Result<(), ServeError>) -> Result<ExitCode, CliError> {
    match ended {
        Err(ServeError::Interrupted { code, .. }) => Ok(ExitCode::from(code)),
        ended => Ok(ended.map(|()| ExitCode::SUCCESS)?),
    }
}

/// Runs a server on several threads. Clients use one.
///
/// # Errors
/// Fails with the error of the server.
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
