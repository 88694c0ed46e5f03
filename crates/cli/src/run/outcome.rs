//! The outcome of a command: the exit code of the runner, and the error message that the session keeps.

use std::fmt::Write as _;

use super::child::ExitKind;

/// The limits of the part of stderr that is quoted, in lines and in characters.
const LINES: usize = 20;
const CHARACTERS: usize = 3500;
/// Separates how the command ended from the last lines of its stderr.
const SAID: &str = "; last lines of stderr:\n";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The command succeeded.
    Completed,
    /// The command failed, with this error message.
    Failed(String),
}

impl Outcome {
    /// Returns a short description, without the command's output.
    pub(crate) fn brief(&self) -> &str {
        match self {
            Self::Completed => "completed",
            Self::Failed(why) => why.split_once(SAID).map_or(why.as_str(), |(brief, _)| brief),
        }
    }
}

/// Returns the outcome of a command that ended this way, with this as the last part of its stderr.
pub(crate) fn outcome(ending: ExitKind, stderr: &[u8]) -> Outcome {
    let mut message = match ending {
        ExitKind::Exited(0) => return Outcome::Completed,
        ExitKind::Exited(status) => format!("exit status {status}"),
        ExitKind::Signalled(signal) => format!("killed by signal {} ({})", signal.as_str(), signal as i32),
    };
    let words = last_words(stderr);
    if !words.is_empty() {
        // Writing to a String does not fail.
        write!(message, "{SAID}{words}").ok();
    }
    Outcome::Failed(message)
}

/// Returns the exit code that a shell would give.
pub(crate) fn exit_code(ending: ExitKind) -> u8 {
    match ending {
        ExitKind::Exited(status) => u8::try_from(status & 0xff).unwrap_or(u8::MAX),
        ExitKind::Signalled(signal) => u8::try_from(128 + signal as i32).unwrap_or(u8::MAX),
    }
}

/// Returns the last lines as a terminal would show them: without colours, and only the last version of a line that was
/// redrawn.
fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let plain = anstream::adapter::strip_str(&text).to_string();
    let drawn = plain.lines().map(|line| line.trim_end().rsplit('\r').next().unwrap_or_default());
    let lines: Vec<String> = drawn
        .map(|line| line.chars().filter(|one| *one == '\t' || !one.is_control()).collect::<String>())
        .filter(|line| !line.trim().is_empty())
        .collect();
    let words = lines[lines.len().saturating_sub(LINES)..].join("\n");
    let over = words.chars().count().saturating_sub(CHARACTERS);
    words.chars().skip(over).collect()
}

#[cfg(test)]
mod tests;
