//! The table of the slowest tests, from the JUnit report that cargo-nextest writes (`.config/nextest.toml`).

use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result};
use roxmltree::Document;

use crate::shell::root;

const MAX_ROWS: usize = 15;

/// One test and its time in seconds.
#[derive(Debug, PartialEq)]
struct Timed {
    seconds: f64,
    name: String,
}

/// nextest writes its report below the workspace, wherever the target directory is.
fn report() -> PathBuf {
    root().join("target/nextest/default/junit.xml")
}

/// Removes the report of an earlier run.
pub(crate) fn clear() -> Result<()> {
    match fs::remove_file(report()) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("cannot remove the old test report"),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Returns the table, or one line that says why there is none.
pub(crate) fn table() -> String {
    match fs::read_to_string(report()) {
        Ok(text) => match parse(&text) {
            Ok(tests) => render(tests),
            Err(error) => format!("no table of the slowest tests: the report cannot be read: {error:#}"),
        },
        Err(_) => "no table of the slowest tests: cargo-nextest wrote no report".to_owned(),
    }
}

fn parse(text: &str) -> Result<Vec<Timed>> {
    let report = Document::parse(text)?;
    let cases = report.descendants().filter(|node| node.has_tag_name("testcase"));
    let timed = cases.map(|case| {
        let attribute = |name| case.attribute(name).with_context(|| format!("a test case without {name}"));
        let name = format!("{} {}", attribute("classname")?, attribute("name")?);
        Ok(Timed { seconds: attribute("time")?.parse()?, name })
    });
    timed.collect()
}

fn render(mut tests: Vec<Timed>) -> String {
    tests.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    let mut table = format!("{:>9}  the slowest of {} tests", "seconds", tests.len());
    for Timed { seconds, name } in tests.iter().take(MAX_ROWS) {
        let _ = write!(table, "\n{seconds:>9.1}  {name}");
    }
    table
}

#[cfg(test)]
mod tests;
