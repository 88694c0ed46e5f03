//! `cargo xtask generate`: the committed files that are made from the code.

mod api;
mod configuration;
mod monitoring;
mod place;
mod readme;
mod state_machines;

use std::fs;

use anyhow::{Context, Result, bail};

pub(crate) use api::is_played;

use crate::shell::root;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail if a file is not what would be written.
    #[arg(long)]
    check: bool,
}

struct Generated {
    /// Its path from the workspace's root.
    path: &'static str,
    content: String,
}

fn all() -> Result<Vec<Generated>> {
    let read = |path: &str| fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"));
    let example = read("crates/store-sqlite/examples/embed.rs")?;
    Ok(vec![
        Generated { path: "docs/state-machines.md", content: state_machines::page() },
        Generated { path: "docs/configuration.md", content: configuration::page() },
        Generated { path: "docs/openapi.json", content: rekindle_http::openapi_json() },
        Generated { path: "docs/API.md", content: api::with_reference(&read("docs/API.md")?)? },
        Generated {
            path: "docs/MONITORING.md",
            content: monitoring::with_metrics(&read("docs/MONITORING.md")?, &read("deploy/prometheus/alerts.yml")?)?,
        },
        Generated { path: "README.md", content: readme::with_example(&read("README.md")?, &example)? },
    ])
}

/// Writes the files, or compares them with `--check`.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.check { check() } else { write() }
}

/// Fails if a file differs from what would be written.
pub(crate) fn check() -> Result<()> {
    let mut differing = Vec::new();
    for file in all()? {
        // A checkout may have other line ends.
        let found = fs::read_to_string(root().join(file.path)).unwrap_or_default().replace("\r\n", "\n");
        if found != file.content {
            differing.push(file.path);
        }
    }
    if !differing.is_empty() {
        bail!("not up to date: {}; run `cargo xtask generate` and commit the result", differing.join(", "));
    }
    println!("the generated files are up to date");
    Ok(())
}

fn write() -> Result<()> {
    for file in all()? {
        let path = root().join(file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, file.content).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", file.path);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
