//! `rekindle serve`: the server for production, with its settings from files, the environment and the command line.

use std::process::ExitCode;

use anyhow::{Context, anyhow};
use rekindle_http::logging;
use rekindle_http::server::{ServeError, serve as run_server};
use rekindle_http::settings::{ConfigurationError, Settings, Sources};

use super::config::SettingFlags;
use crate::failure::Failure;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Settings are missing or wrong, or it cannot listen.
pub fn serve(flags: SettingFlags) -> Result<ExitCode, Failure> {
    let settings = Settings::of(&Sources::of_server(flags.given()).gather())?;
    let _log = logging::init(&settings.log)?;
    settings.announce();
    on_all_cores(async { Ok(run_server(&settings, |_| Ok(())).await?) })?;
    Ok(ExitCode::SUCCESS)
}

/// A server, unlike a client, has work for more than one thread.
///
/// # Errors
/// The server's.
pub fn on_all_cores(server: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(server)
}

impl From<ConfigurationError> for Failure {
    fn from(error: ConfigurationError) -> Self {
        Self::Configuration(error.to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Settings(_) | ServeError::Store { .. } => Self::Configuration(error.to_string()),
            ServeError::Failed(_) => Self::Unexpected(anyhow!(error)),
        }
    }
}
