//! The documents: links resolve, shell commands were verified, and the commands, settings and files that are named
//! exist.

mod commands;
mod links;
mod names;
mod page;
mod verified_commands;

use anyhow::{Result, ensure};

use super::outcome::Outcome;
use super::sources;
use crate::shell;
pub(crate) use names::settings;
use page::Page;

/// Checks every page. `xtask` describes the command line of `cargo xtask`.
pub(crate) fn run(xtask: &clap::Command) -> Result<Outcome> {
    let files = sources::files()?;
    let mut pages = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".md")) {
        pages.push(Page::parse(file, &sources::read(file)?));
    }
    // The help texts of the program have its commands.
    let rekindle = shell::build_rekindle()?;
    let mut faults = links::check(&pages, &files);
    faults.extend(verified_commands::check(&pages)?);
    faults.extend(commands::check(&pages, &rekindle, xtask)?);
    faults.extend(names::check(&pages, &files)?);
    ensure!(faults.is_empty(), "{} things in the documents are not so:\n  {}", faults.len(), faults.join("\n  "));
    let links: usize = pages.iter().map(|page| page.links.len()).sum();
    let blocks: usize = pages.iter().map(|page| page.shell_blocks().count()).sum();
    println!("{} pages: {links} links and {blocks} blocks of commands hold", pages.len());
    Ok(Outcome::Done)
}
