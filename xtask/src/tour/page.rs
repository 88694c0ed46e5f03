//! The shell blocks of the README's tour, in order.

use anyhow::{Context, Result};

use crate::shell::root;

/// The commands of the tour, by their purpose.
pub(super) struct Tour {
    /// Starts the server, in its own terminal.
    pub server: String,
    /// Starts a build as a session.
    pub start: String,
    /// Kills the build.
    pub kill: String,
    /// Shows the stalled session.
    pub status: String,
    /// Shows the unfinished tasks.
    pub left: String,
    /// Recovers the session, twice.
    pub recover: String,
    /// Sends a late heartbeat.
    pub late: String,
    /// Runs the successor to its end.
    pub finish: String,
}

impl Tour {
    /// Reads the commands from the README.
    pub(super) fn of_readme() -> Result<Self> {
        let readme = std::fs::read_to_string(root().join("README.md"))?;
        Self::of(&readme)
    }

    fn of(readme: &str) -> Result<Self> {
        let (_, after) = readme.split_once("\n## The tour").context("the README has no section \"The tour\"")?;
        let section = after.split("\n## ").next().unwrap_or(after);
        let mut blocks =
            section.split("\n```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap_or(rest).to_owned());
        let mut next = |what: &str| blocks.next().with_context(|| format!("the tour has no block that {what}"));
        // How to build the binary, which is already built.
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
