//! Counts tests by the output of the runners: the summary of cargo-nextest, and the result lines of libtest.

use std::fmt;
use std::ops::AddAssign;

/// The numbers of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub passed: u64,
    /// Failed, timed out or could not be started.
    pub failed: u64,
    /// Not run, because something that they need is missing.
    pub ignored: u64,
}

/// The runner whose output is read. The output of a failed test may contain lines of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `cargo test`: a result line for each test binary.
    Libtest,
    /// `cargo nextest run`: one summary at the end.
    Nextest,
}

impl Totals {
    /// Adds the counts in a line of a runner's output, if it has any.
    pub(crate) fn read_line(&mut self, runner: Runner, line: &str) {
        let line = without_colour(line);
        let counts = match runner {
            Runner::Libtest => line.strip_prefix("test result: ").and_then(|result| result.split_once(". ")),
            Runner::Nextest if line.trim_start().starts_with("Summary [") => {
                ["tests run: ", "test run: "].into_iter().find_map(|mark| line.split_once(mark))
            }
            Runner::Nextest => None,
        };
        let counts = counts.map(|(_, counts)| counts);
        for count in counts.unwrap_or_default().split([',', ';']) {
            let Some((number, what)) = count.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            // nextest adds remarks: `7 passed (1 slow)`.
            match what.split(" (").next().unwrap_or(what) {
                "passed" => self.passed += number,
                // nextest counts ignored tests as skipped, and those that a filter leaves out, of which there are none here.
                "ignored" | "skipped" => self.ignored += number,
                "failed" | "exec failed" | "timed out" => self.failed += number,
                _ => {}
            }
        }
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.ignored > 0 {
            write!(f, ", {} ignored", self.ignored)?;
        }
        Ok(())
    }
}

/// Removes the escape sequences for colours.
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|letter: char| letter.is_ascii_alphabetic()).map_or(after.len(), |at| at + 1);
        rest = &after[end..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests;
