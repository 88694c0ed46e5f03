//! `cargo xtask gate …`: what CI demands besides what the compiler, the lints and the tests see. Each gate also runs alone,
//! and needs nothing but Rust, git and, where it fetches a tool, Python.

pub mod deny;
pub mod deploy;
pub mod docs;
pub mod smoke;
mod sources;
pub mod typos;
pub mod unused;

use anyhow::Result;
use clap::Subcommand;

/// Which one.
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Licences, bans and sources of all dependencies, as deny.toml has them.
    Deny,
    /// Dependencies that nothing uses.
    Unused,
    /// Slips of the pen, in the code and in the documents.
    Typos,
    /// The documents: links, shell commands, and the names of commands, settings and files.
    Docs,
    /// The files in deploy: rules and their tests, the unit, the dashboard.
    Deploy,
    /// The release binary, built and tried.
    Smoke,
}

/// How a gate ended that found nothing wrong.
#[derive(Debug)]
pub enum Outcome {
    /// It looked.
    Done,
    /// It could not look, and why.
    Skipped(String),
}

/// Runs one.
pub fn run(gate: &Gate) -> Result<()> {
    let outcome = match gate {
        Gate::Deny => deny::run(),
        Gate::Unused => unused::run(),
        Gate::Typos => typos::run(),
        Gate::Docs => docs::run(),
        Gate::Deploy => deploy::run(),
        Gate::Smoke => smoke::run(),
    };
    if let Outcome::Skipped(why) = outcome? {
        println!("skipped: {why}");
    }
    Ok(())
}
