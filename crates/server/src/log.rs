//! The log of this process, as its settings say.

use rekindle_telemetry::logging::{self, Guard};

use crate::error::ServeError;
use crate::settings::Settings;

/// Starts the log and the traces of this process, as the settings say.
///
/// # Errors
/// When the log file cannot be opened, or there can be no thread for the log.
pub fn start_log(settings: &Settings) -> Result<Guard, ServeError> {
    Ok(logging::init(&settings.log, settings.telemetry.as_ref())?)
}
