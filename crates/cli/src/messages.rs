//! Messages on stderr. Control characters are replaced by blanks, so that stored text cannot move the cursor or change
//! colours.

use std::io::Write;

/// Prints a message on stderr, with a prefix that sets it apart from the output of a command that `run` runs.
pub(crate) fn say(words: &str) {
    // If stderr cannot be written to, there is no other place for the message.
    writeln!(anstream::stderr(), "rekindle: {}", visible(words)).ok();
}

/// Prints an error message.
pub(crate) fn error(words: &str) {
    let red = anstyle::AnsiColor::Red.on_default() | anstyle::Effects::BOLD;
    writeln!(anstream::stderr(), "{red}rekindle:{red:#} {}", visible(words)).ok();
}

/// Replaces control characters, which a terminal would obey.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|one| if one.is_control() && one != '\n' { ' ' } else { one }).collect()
}
