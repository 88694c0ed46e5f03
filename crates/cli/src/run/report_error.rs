//! Classifies an error for the reporter: temporary, or the end of reporting.

use uuid::Uuid;

use crate::error::CliError;

/// Why a request of the reporter failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is temporary.
    Passing(String),
    /// The session was recovered into this one.
    Superseded(Uuid),
    /// The session has ended, and has no successor yet.
    Ended(String),
    /// It is permanent.
    Final(String),
}

impl From<CliError> for Trouble {
    fn from(failure: CliError) -> Self {
        let refused = match failure {
            CliError::Refused(refused) => refused,
            CliError::Configuration(words) | CliError::Usage(words) | CliError::Conflict(words) => {
                return Self::Final(words);
            }
            // The server may recover, and another program that uses its address may end.
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
            // The key may be valid again after a restart, a conflict may end, and a rate limit expires.
            "api_key_required" | "api_key_malformed" | "api_key_invalid" | "rate_limited" => Self::Passing(words),
            _ => Self::Final(words),
        }
    }
}

#[cfg(test)]
mod tests;
