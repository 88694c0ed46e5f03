//! The errors of commands, with exit codes and messages that say what happened, what the cause is and what to do. The
//! codes are part of the contract of the command line; `rekindle --help` lists them.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use rekindle_api::ErrorBody;

/// Done.
pub(crate) const OK: u8 = 0;
/// An unexpected error.
pub(crate) const UNEXPECTED: u8 = 1;
/// The command line itself was wrong.
pub(crate) const MISUSED: u8 = 2;
/// The server said no.
pub(crate) const REFUSED: u8 = 3;
/// No server answered, or one that cannot serve now.
pub(crate) const UNREACHABLE: u8 = 4;
/// `run` stopped its command because the session goes on elsewhere; `EX_TEMPFAIL` of sysexits.h.
pub(crate) const SUPERSEDED: u8 = 75;
/// A setting is missing or wrong; `EX_CONFIG` of sysexits.h.
pub(crate) const CONFIGURATION: u8 = 78;

/// The longest wait that our servers advise.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum CliError {
    /// The arguments contradict each other.
    Usage(String),
    /// The server said no.
    Refused(Box<Refused>),
    /// We say no ourselves, for a reason that the server's state gives.
    Conflict(String),
    /// The server did not answer, or cannot serve now.
    Unreachable(Unreachable),
    /// A setting is missing or wrong.
    Configuration(String),
    /// The reader of our output has gone: no message can be shown.
    OutputClosed,
    /// Anything else.
    Unexpected(anyhow::Error),
}

/// A server's no.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The body that came with it.
    pub body: ErrorBody,
    /// What the person may type now.
    pub advice: Vec<String>,
    /// When it is worth asking again, if the server said so.
    pub retry_after: Option<Duration>,
}

/// A server that does not answer.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// Where it was sought.
    pub url: String,
    /// What happened there.
    pub what: String,
    /// What to check.
    pub advice: String,
}

impl CliError {
    /// The exit code that tells programs.
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

    /// Returns whether a later attempt may succeed: too many requests were sent.
    pub(crate) fn is_for_now(&self) -> bool {
        matches!(self, Self::Refused(refused) if refused.code() == "rate_limited")
    }

    /// How long to wait at least before asking again: what the server said, within reason.
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

    /// Tells the person on stderr, and answers the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !matches!(self, Self::OutputClosed) {
            crate::messages::error(&self.to_string());
        }
        ExitCode::from(self.code())
    }
}

impl Refused {
    /// The server's stable name for this refusal.
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
