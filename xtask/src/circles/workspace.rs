//! The crates of the workspace, and what breaks the rules in them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use super::Structure;

/// Analyses every crate of the workspace in `root`; by the crate's name.
pub fn of_workspace(root: &Path) -> Result<BTreeMap<String, Structure>> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec();
    let metadata = metadata.context("cargo metadata must be able to read the workspace")?;
    let mut found = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().context("a manifest without a folder")?;
        found.insert(package.name.to_string(), Structure::of_crate(folder.as_std_path())?);
    }
    Ok(found)
}

/// Returns what breaks the rules, for each crate in which something does, with what to do about it.
pub fn faults(found: &BTreeMap<String, Structure>) -> Vec<String> {
    let broken = found.iter().filter(|(_, structure)| !structure.is_sound());
    let fault = |(name, structure): (&String, &Structure)| {
        format!(
            "{name} has a circle. Move what both sides need into a file of its own, pass it as an argument, or take a name from \
             the file that defines it and not from the crate's root:\n{structure}"
        )
    };
    broken.map(fault).collect()
}
