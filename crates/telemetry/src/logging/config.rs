//! What an operator chooses of the log.

use std::path::PathBuf;
use std::str::FromStr;

use rekindle_core::InvalidValue;
use tracing::Level;

/// How much is logged, how, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The least important level that is logged.
    pub level: Level,
    /// How a line looks.
    pub format: Format,
    /// Where lines go; without it to stderr.
    pub file: Option<LogFile>,
    /// Of so many heartbeats one is logged.
    pub heartbeat_sample: u32,
}

/// A file for the log, and how many more of its kind there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Its name. Those that were put away have the day (UTC) and a number before the extension:
    /// `rekindle.2026-11-21.0001.log`.
    pub path: PathBuf,
    /// One that would grow beyond this is put away; so is one of another day.
    pub max_bytes: u64,
    /// As many that were put away are kept.
    pub keep: usize,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For programs.
    Json,
    /// For people.
    Pretty,
}

impl FromStr for Format {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(InvalidValue::new("must be json or pretty")),
        }
    }
}
