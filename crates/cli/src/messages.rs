//! Messages on stderr. Stored text cannot move the cursor or change colours: control characters are shown as blanks.

use std::io::Write;

/// Writes a message to stderr, with a prefix that distinguishes it from a command's output.
pub(crate) fn say(words: &str) {
    // An error of stderr cannot be reported anywhere.
    writeln!(anstream::stderr(), "rekindle: {}", visible(words)).ok();
}

/// Says what went wrong.
pub(crate) fn error(words: &str) {
    let red = anstyle::AnsiColor::Red.on_default() | anstyle::Effects::BOLD;
    writeln!(anstream::stderr(), "{red}rekindle:{red:#} {}", visible(words)).ok();
}

/// The text without what a terminal would obey.
pub(crate) fn visible(text: &str) -> String {
    text.chars().map(|one| if one.is_control() && one != '\n' { ' ' } else { one }).collect()
}
