//! Unused dependencies: each one of a crate must be named in its code, and each one of the workspace in a crate. The code is
//! searched for words and not compiled. Exceptions are listed with their reasons.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{Dependency, DependencyKind, MetadataCommand, Package};

use super::outcome::Outcome;
use super::sources;
use crate::shell::root;

/// Dependencies that are used without being named in the code: the crate, the dependency, the reason.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("rekindle-listener", "rustls-webpki", "its library is called webpki: tls.rs"),
    ("xtask", "reqwest", "for its features: tests/features.rs"),
];

pub(crate) fn run() -> Result<Outcome> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec();
    let metadata = metadata.context("cargo metadata must be able to read the workspace")?;
    let files = sources::files()?;
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    let mut looked = 0;
    for package in metadata.workspace_packages() {
        let code = Code::of(package, &files)?;
        for part in &package.dependencies {
            looked += 1;
            needed.insert(part.name.clone());
            let listed = OTHERWISE.iter().any(|(of, name, _)| *of == package.name.as_str() && *name == part.name);
            let fault = match (code.names(part), listed) {
                (false, false) => format!("{} ({:?}) of {}", part.name, part.kind, package.name),
                (true, true) => format!("{} of {}: it is used, take it out of OTHERWISE", part.name, package.name),
                (true, false) | (false, true) => continue,
            };
            faults.push(fault);
        }
    }
    faults.extend(of_workspace(&sources::read("Cargo.toml")?, &needed)?);
    ensure!(
        faults.is_empty(),
        "nothing uses these dependencies; take them out of their Cargo.toml, or list them in OTHERWISE of \
         xtask/src/gates/unused.rs with how they are used:\n  {}",
        faults.join("\n  ")
    );
    println!("{looked} dependencies are all used");
    Ok(Outcome::Done)
}

/// The code of a crate, by the kind of dependency that it may use.
struct Code {
    production: String,
    tests: String,
    build: String,
}

impl Code {
    fn of(package: &Package, files: &[String]) -> Result<Self> {
        let folder = package.manifest_path.parent().context("a manifest without a folder")?;
        let folder = folder.strip_prefix(root()).context("a member outside the workspace")?;
        let mut code = Self { production: String::new(), tests: String::new(), build: String::new() };
        for file in files.iter().filter(|file| file.ends_with(".rs")) {
            let Some(inside) = file.strip_prefix(folder.as_str()).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let text = sources::read(file)?;
            match inside {
                "build.rs" => code.build += &text,
                inside if inside.starts_with("src/") && sources::is_production_code(file) => code.production += &text,
                _ => code.tests += &text,
            }
        }
        Ok(code)
    }

    fn names(&self, part: &Dependency) -> bool {
        let name = part.rename.as_ref().unwrap_or(&part.name).replace('-', "_");
        match part.kind {
            DependencyKind::Normal => is_named(&self.production, &name),
            DependencyKind::Build => is_named(&self.build, &name),
            // A test module may be in a file of production code.
            DependencyKind::Development | DependencyKind::Unknown => {
                is_named(&self.tests, &name) || is_named(&self.production, &name)
            }
        }
    }
}

/// Returns whether code names a crate: at the beginning of a path, or in a `use`.
fn is_named(code: &str, name: &str) -> bool {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.into_iter().any(|line| {
        line.match_indices(name).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            let begins = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            let used =
                before.trim_end().ends_with("use") && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            begins && (after.starts_with("::") || used)
        }) || line.contains(&format!("use ::{name}"))
    })
}

/// Returns the dependencies of the workspace that no crate has.
fn of_workspace(manifest: &str, needed: &BTreeSet<String>) -> Result<Vec<String>> {
    let manifest: toml::Table = toml::from_str(manifest).context("Cargo.toml cannot be read")?;
    let offered = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let offered = offered.and_then(toml::Value::as_table).context("Cargo.toml has no workspace.dependencies")?;
    let idle = offered.keys().filter(|name| !needed.contains(*name));
    Ok(idle.map(|name| format!("{name} of the workspace, which no crate takes")).collect())
}

#[cfg(test)]
mod tests;
