//! Counting tests by what the runners print: cargo-nextest's summary, and the result lines of libtest and its kin.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and failed, and how many were not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Those that passed.
    pub passed: u64,
    /// Those that failed, ran out of time or could not be run.
    pub failed: u64,
    /// Those that were not run, because something that they need is not there.
    pub ignored: u64,
}

/// Whose output is read. Each shows the other's lines too, as the output of a test that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// `cargo test`: a result line for each binary.
    Libtest,
    /// `cargo nextest run`: one summary at the end.
    Nextest,
}

impl Totals {
    /// Adds what a line of a runner's output says, which is mostly nothing.
    pub fn read_line(&mut self, runner: Runner, line: &str) {
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
                // nextest counts those as skipped that are ignored, and those that a filter leaves out: we have none.
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

/// The line without the escape sequences that set colours.
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
