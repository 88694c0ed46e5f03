//! The tour as the README has it: its shell blocks, in order.

use anyhow::{Context, Result};

use crate::shell::root;

/// The commands of the tour, by what they are for.
pub struct Tour {
    /// Starts the server, in a terminal of its own.
    pub server: String,
    /// Starts a build as a session.
    pub start: String,
    /// Kills it.
    pub kill: String,
    /// Shows who is silent.
    pub status: String,
    /// Shows what is left.
    pub left: String,
    /// Brings it back, twice.
    pub recover: String,
    /// A heartbeat that comes too late.
    pub late: String,
    /// Runs the successor to its end.
    pub finish: String,
}

impl Tour {
    /// Reads it from the README.
    pub fn of_readme() -> Result<Self> {
        let readme = std::fs::read_to_string(root().join("README.md"))?;
        Self::of(&readme)
    }

    fn of(readme: &str) -> Result<Self> {
        let (_, after) = readme.split_once("\n## The tour").context("the README has no section \"The tour\"")?;
        let section = after.split("\n## ").next().unwrap_or(after);
        let mut blocks =
            section.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or(rest).to_owned());
        let mut next = |what: &str| blocks.next().with_context(|| format!("the tour has no block that {what}"));
        // How to get the binary: here it has just been built.
        next("builds the binary")?;
        let tour = Self {
            server: next("starts the server")?,
            start: next("starts the build")?,
            kill: next("kills it")?,
            status: next("shows the status")?,
            left: next("shows what is left")?,
            recover: next("recovers")?,
            late: next("beats too late")?,
            finish: next("finishes the job")?,
        };
        anyhow::ensure!(blocks.next().is_none(), "the tour has a block that nobody plays: teach xtask/src/tour.rs");
        Ok(tour)
    }
}

#[cfg(test)]
mod tests;
