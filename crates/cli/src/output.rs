//! Data on stdout: JSON as it was received, or tables and ages for people.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use rekindle_api::Time;
use rekindle_core::{Clock, SystemClock, Timestamp};

use crate::error::CliError;
use crate::messages::visible;

/// The longest cell of a table, in characters. `show` prints the whole text.
const CELL: usize = 60;

/// Writes data to stdout and flushes it.
///
/// # Errors
/// Fails if stdout is closed or full.
pub(crate) fn data(text: &str) -> Result<(), CliError> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()?;
    Ok(())
}

/// Returns an empty table with these columns.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(columns);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Formats the table, without blanks at the ends of its lines.
pub(crate) fn drawn(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Formats a text for a cell: on one line, and shortened.
pub(crate) fn cell(text: &str) -> String {
    let one_line = visible(text).replace('\n', " ");
    match one_line.char_indices().nth(CELL) {
        Some((at, _)) => format!("{}…", &one_line[..at]),
        None => one_line,
    }
}

/// Formats an optional text for a cell.
pub(crate) fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), cell)
}

/// Formats how long ago a time was.
pub(crate) fn age(time: Time) -> String {
    format!("{} ago", span(SystemClock.now().since(Timestamp::from_millis(time.millis()))))
}

/// Formats a span in its two largest units at most.
pub(crate) fn span(span: Duration) -> String {
    let whole = span.as_secs();
    match whole {
        0 => format!("{}ms", span.as_millis()),
        1..60 => format!("{whole}s"),
        60..3600 => two(whole / 60, "m", whole % 60, "s"),
        3600..86_400 => two(whole / 3600, "h", whole % 3600 / 60, "m"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3600, "h"),
    }
}

fn two(large: u64, unit: &str, small: u64, part: &str) -> String {
    if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit} {small}{part}") }
}

/// Whether stdout is a terminal.
pub(crate) fn is_tty() -> bool {
    std::io::stdout().is_terminal()
}

/// Clears the screen before it is drawn again.
///
/// # Errors
/// Fails if stdout is closed.
pub(crate) fn clear_screen() -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(b"\x1b[H\x1b[2J\x1b[3J")?;
    Ok(())
}

#[cfg(test)]
mod tests;
