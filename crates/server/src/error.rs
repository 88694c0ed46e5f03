//! Why a server does not start, or does not go on.

use rekindle_listener::TlsError;
use rekindle_settings::{ConfigurationError, SettingFault};
use rekindle_telemetry::logging::LogError;

use crate::settings::table;

/// Why the server did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Settings are missing or wrong.
    #[error(transparent)]
    Settings(#[from] ConfigurationError),
    /// The chosen store cannot serve.
    #[error("ConfigurationError: {name}: {why}")]
    Store {
        /// The setting that chose it.
        name: &'static str,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A file of TLS cannot be used.
    #[error("ConfigurationError: {name}: {why}")]
    Tls {
        /// The setting that names it.
        name: &'static str,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// A second signal ended it at once, with what was under way.
    #[error("stopped at once by a second {signal}")]
    Interrupted {
        /// The signal's name.
        signal: &'static str,
        /// The exit status that shells know a signal by.
        code: u8,
    },
    /// Something that may be different another time.
    #[error("{0}")]
    Failed(String),
}

impl ServeError {
    /// The exit status of a process that ends for this reason: 78 for a fault in its configuration.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) | Self::Store { .. } | Self::Tls { .. } => 78,
            Self::Interrupted { code, .. } => *code,
            Self::Failed(_) => 1,
        }
    }
}

impl From<LogError> for ServeError {
    fn from(error: LogError) -> Self {
        let message = error.to_string();
        match error {
            LogError::File { .. } => {
                ConfigurationError { faults: vec![SettingFault::new(table::LOG_FILE.name, message)] }.into()
            }
            LogError::Thread(_) => Self::Failed(message),
        }
    }
}

impl From<TlsError> for ServeError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::File { name, why } => Self::Tls { name, why },
            TlsError::Setup(_) => Self::Failed(error.to_string()),
        }
    }
}
