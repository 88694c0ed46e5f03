//! A failure as the reporter sees it: something to wait for, or the end of telling.

use uuid::Uuid;

use crate::error::CliError;

/// Why a run cannot report to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It may pass.
    Passing(String),
    /// The session's work goes on in this one.
    Superseded(Uuid),
    /// The session has ended, and no other run continues its work yet.
    Ended(String),
    /// It will not pass.
    Final(String),
}

impl From<CliError> for Trouble {
    fn from(failure: CliError) -> Self {
        let refused = match failure {
            CliError::Refused(refused) => refused,
            CliError::Configuration(words) | CliError::Usage(words) | CliError::Conflict(words) => {
                return Self::Final(words);
            }
            // A server that failed once may not fail again, and a stranger at its address may go.
            CliError::Unreachable(_) | CliError::Unexpected(_) | CliError::OutputClosed => {
                return Self::Passing(failure.to_string());
            }
        };
        let words = refused.to_string();
        match refused.code() {
            "session_ended" => match refused.body.detail("successor_session_id").map(Uuid::try_parse) {
                Some(Ok(successor)) => Self::Superseded(successor),
                Some(Err(_)) | None => Self::Ended(words),
            },
            // The key may be back when the server is, a conflict may end, and a limit opens again.
            "api_key_required" | "api_key_malformed" | "api_key_invalid" | "rate_limited" => Self::Passing(words),
            _ => Self::Final(words),
        }
    }
}

#[cfg(test)]
mod tests;
