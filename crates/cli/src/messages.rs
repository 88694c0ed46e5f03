//! Our own words, on stderr. Nothing that somebody stored can move the cursor or change colours: control characters are
//! shown as blanks.

use std::io::Write;

/// Says something on stderr, prefixed so that it can be told from a command's own words.
pub fn say(words: &str) {
    // A stderr that cannot be written to leaves nobody to tell.
    writeln!(anstream::stderr(), "rekindle: {}", visible(words)).ok();
}

/// Says what went wrong.
pub fn error(words: &str) {
    let red = anstyle::AnsiColor::Red.on_default() | anstyle::Effects::BOLD;
    writeln!(anstream::stderr(), "{red}rekindle:{red:#} {}", visible(words)).ok();
}

/// The text without what a terminal would obey.
pub fn visible(text: &str) -> String {
    text.chars().map(|one| if one.is_control() && one != '\n' { ' ' } else { one }).collect()
}
