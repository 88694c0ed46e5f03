//! The crates of the workspace, compared with the circles that are known.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use super::Structure;

/// The number of violations in a crate: files in circles, modules in circles, files that take names from the root.
type Extent = (usize, usize, usize);

/// The circles that existed before the rules, by crate. The list only becomes shorter: a crate that is not in it obeys
/// the rules.
const KNOWN: &[(&str, Extent)] = &[("rekindle-http", (14, 6, 1))];

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

/// Returns each difference from the known circles, with what to do about it.
pub fn faults(found: &BTreeMap<String, Structure>) -> Vec<String> {
    against(found, KNOWN)
}

pub(super) fn against(found: &BTreeMap<String, Structure>, known: &[(&str, Extent)]) -> Vec<String> {
    let known: BTreeMap<&str, Extent> = known.iter().copied().collect();
    let mut faults = Vec::new();
    for (name, structure) in found {
        let (now, before) = (extent(structure), known.get(name.as_str()).copied().unwrap_or_default());
        if now.0 > before.0 || now.1 > before.1 || now.2 > before.2 {
            faults.push(format!(
                "{name} has a new circle. Move what both sides need into a file of its own, pass it as an argument, or take a name \
                 from the file that defines it and not from the crate's root. Known are {}; there are {}:\n{structure}",
                said(before),
                said(now),
            ));
        } else if now != before {
            faults.push(format!(
                "{name} has fewer circles than the known {}: write (\"{name}\", {now:?}) in KNOWN of \
                 xtask/src/circles/known.rs, or take it out if all are 0",
                said(before)
            ));
        }
    }
    let gone = known.keys().filter(|name| !found.contains_key(**name));
    faults.extend(gone.map(|name| format!("{name} is no crate of the workspace: take it out of KNOWN")));
    faults
}

fn extent(structure: &Structure) -> Extent {
    let files = structure.files.iter().map(|circle| circle.members.len()).sum();
    let modules = structure.modules.iter().map(|circle| circle.members.len()).sum();
    (files, modules, structure.from_root.len())
}

fn said((files, modules, from_root): Extent) -> String {
    format!("{files} files and {modules} modules in circles, {from_root} files that take names from the root")
}
