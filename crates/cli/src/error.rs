//! The errors of commands: the exit code of each, and its message for people: what happened, what it conflicts with,
//! what to do. The exit codes are part of the command line's contract; `rekindle --help` lists them.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use rekindle_api::ErrorBody;

pub(crate) const OK: u8 = 0;
/// An unforeseen error, or a run that failed without a more specific code.
pub(crate) const UNEXPECTED: u8 = 1;
/// The command line was wrong.
pub(crate) const MISUSED: u8 = 2;
/// The server refused the request.
pub(crate) const REFUSED: u8 = 3;
/// No server answered, or it cannot serve now.
pub(crate) const UNREACHABLE: u8 = 4;
/// `run` stopped its command because the session was superseded; `EX_TEMPFAIL` of sysexits.h.
pub(crate) const SUPERSEDED: u8 = 75;
/// A setting is missing or wrong; `EX_CONFIG` of sysexits.h.
pub(crate) const CONFIGURATION: u8 = 78;

/// The longest `Retry-After` that is obeyed. No Rekindle server sends a longer one.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The arguments contradict each other.
    Usage(String),
    /// The server refused the request.
    Refused(Box<Refused>),
    /// The command itself refuses, because of the state that it found on the server.
    Conflict(String),
    /// The server did not answer, or cannot serve now.
    Unreachable(Unreachable),
    /// A setting is missing or wrong.
    Configuration(String),
    /// Stdout is closed: its reader has ended, so nothing is printed any more.
    OutputClosed,
    /// Anything else.
    Unexpected(anyhow::Error),
}

/// A refusal by the server.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The body of the response.
    pub body: ErrorBody,
    /// Hints for the user: the commands to type.
    pub advice: Vec<String>,
    /// The `Retry-After` of the response, if it has one.
    pub retry_after: Option<Duration>,
}

/// A server that does not answer.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// The URL that was tried.
    pub url: String,
    /// What went wrong.
    pub what: String,
    /// A hint on what to check.
    pub advice: String,
}

impl CliError {
    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => MISUSED,
            Self::Refused(_) | Self::Conflict(_) => REFUSED,
            Self::Unreachable(_) => UNREACHABLE,
            Self::Configuration(_) => CONFIGURATION,
            Self::OutputClosed => OK,
            Self::Unexpected(_) => UNEXPECTED,
        }
    }

    /// Whether the same request may succeed later unchanged: the rate limit was exceeded.
    pub(crate) fn is_for_now(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.code() == "rate_limited")
    }

    /// Returns how long to wait before the next attempt: what the server said, up to a limit.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Refused(refused) => refused.retry_after.unwrap_or_default().min(LONGEST_WAIT),
            Self::Usage(_)
            | Self::Conflict(_)
            | Self::Unreachable(_)
            | Self::Configuration(_)
            | Self::OutputClosed
            | Self::Unexpected(_) => Duration::ZERO,
        }
    }

    /// Prints the message on stderr and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !matches!(self, Self::OutputClosed) {
            crate::messages::error(&self.to_string());
        }
        ExitCode::from(self.code())
    }
}

impl Refused {
    /// Returns the API's error code.
    pub(crate) fn code(&self) -> &str {
        &self.body.code
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.body.message, self.body.status_code, self.body.code)?;
        for detail in &self.body.details {
            write!(f, "\n  {}: {}", detail.field, detail.message)?;
        }
        for advice in &self.advice {
            write!(f, "\n  {advice}")?;
        }
        write!(f, "\n  request id: {}", self.body.request_id)
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot reach {}: {}\n  {}", self.url, self.what, self.advice)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(words) | Self::Conflict(words) | Self::Configuration(words) => f.write_str(words),
            Self::Refused(refused) => refused.fmt(f),
            Self::Unreachable(unreachable) => unreachable.fmt(f),
            Self::OutputClosed => f.write_str("the output was closed"),
            Self::Unexpected(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<Box<Refused>> for CliError {
    fn from(refused: Box<Refused>) -> Self {
        Self::Refused(refused)
    }
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        Self::Unexpected(error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        let is_closed = error.kind() == std::io::ErrorKind::BrokenPipe;
        if is_closed { Self::OutputClosed } else { Self::Unexpected(error.into()) }
    }
}

#[cfg(test)]
mod tests;
