//! How a command's end is reported: the exit code of the runner, and the failure message of the session.

use std::fmt::Write as _;

use super::child::ExitKind;

/// The most of the command's last words, in lines and in characters.
const LINES: usize = 20;
const CHARACTERS: usize = 3500;
/// Separates how the command ended from the end of its output.
const SAID: &str = "; last lines of stderr:\n";

/// What became of the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what it was to do.
    Completed,
    /// It did not, and this is why.
    Failed(String),
}

impl Outcome {
    /// In a few words, without the command's own.
    pub(crate) fn brief(&self) -> &str {
        match self {
            Self::Completed => "completed",
            Self::Failed(why) => why.split_once(SAID).map_or(why.as_str(), |(brief, _)| brief),
        }
    }
}

/// The outcome of a command that ended so, having written this to stderr last.
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

/// The exit code of a command that ended so, as a shell gives it.
pub(crate) fn exit_code(ending: ExitKind) -> u8 {
    match ending {
        ExitKind::Exited(status) => u8::try_from(status & 0xff).unwrap_or(u8::MAX),
        ExitKind::Signalled(signal) => u8::try_from(128 + signal as i32).unwrap_or(u8::MAX),
    }
}

/// The last lines as a person would have read them: without colours, and of a line that was redrawn only what stood
/// there in the end.
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
