//! `cargo xtask gate …`: the checks of CI besides the compiler, the lints and the tests. Each gate also runs alone and
//! needs only Rust, git and, if it fetches a tool, Python.

mod circles;
pub(crate) mod deny;
pub(crate) mod deploy;
pub(crate) mod docs;
mod outcome;
pub(crate) mod smoke;
mod sources;
pub(crate) mod typos;
pub(crate) mod unused;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use outcome::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Gate {
    /// Circles of files and modules within each crate: prints them, and fails on new ones.
    Circles,
    /// Licences, bans and sources of all dependencies, as deny.toml has them.
    Deny,
    /// Dependencies that nothing uses.
    Unused,
    /// Spelling, in the code and in the documents.
    Typos,
    /// The documents: links, shell commands, and the names of commands, settings and files.
    Docs,
    /// The files in deploy: rules and their tests, the unit, the dashboard.
    Deploy,
    /// The release binary, built and tried.
    Smoke(smoke::Options),
}

/// Runs one gate. `xtask` describes the command line of `cargo xtask`, which the documents name.
pub(crate) fn run(gate: &Gate, xtask: &clap::Command) -> Result<()> {
    let outcome = match gate {
        Gate::Circles => circles::run(),
        Gate::Deny => deny::run(),
        Gate::Unused => unused::run(),
        Gate::Typos => typos::run(),
        Gate::Docs => docs::run(xtask),
        Gate::Deploy => deploy::run(),
        Gate::Smoke(options) => smoke::run(options),
    };
    if let Outcome::Skipped(why) = outcome? {
        println!("skipped: {why}");
    }
    Ok(())
}
