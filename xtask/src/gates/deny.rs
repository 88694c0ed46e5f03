//! Licences, bans and sources of all dependencies by deny.toml: checked by cargo-deny where it is installed, or else by a
//! smaller reader of the same file. Advisories are left out: they change without a change of the code.

mod licence;

use anyhow::{Context, Result, ensure};
use cargo_metadata::semver::VersionReq;
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand, Package};
use serde::Deserialize;

use super::outcome::Outcome;
use super::sources;
use crate::shell::{self, cargo, root, succeeds};

/// The part of deny.toml that is supported. An unknown key fails, since its rule would not be checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Policy {
    #[serde(rename = "graph")]
    _graph: toml::Table,
    #[serde(rename = "advisories")]
    _advisories: toml::Table,
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
    #[serde(rename = "unused-allowed-license")]
    _unused: String,
    private: Private,
}

/// An exception for one crate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    #[serde(rename = "crate", alias = "name")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Private {
    ignore: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bans {
    /// Only gives a warning.
    #[serde(rename = "multiple-versions")]
    _multiple: String,
    wildcards: String,
    allow_wildcard_paths: bool,
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    /// A name, or a name with a range: `h2@<0.4.16`.
    #[serde(rename = "crate")]
    which: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    unknown_registry: String,
    unknown_git: String,
    allow_registry: Vec<String>,
}

pub(crate) fn run() -> Result<Outcome> {
    if succeeds(cargo(["deny", "--version"])) {
        shell::run(cargo(["deny", "check", "bans", "licenses", "sources"]))?;
        return Ok(Outcome::Done);
    }
    let policy = policy(&sources::read("deny.toml")?)?;
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).features(CargoOpt::AllFeatures);
    let metadata = command.exec().context("cargo metadata must be able to read the workspace")?;
    ensure!(metadata.packages.len() > 50, "only {} packages: that is not all", metadata.packages.len());
    let mut faults = wildcards(&policy, &metadata);
    for package in &metadata.packages {
        faults.extend(check(&policy, package)?);
    }
    ensure!(faults.is_empty(), "deny.toml does not allow:\n  {}", faults.join("\n  "));
    println!(
        "{} packages: their licences, names and sources are allowed (looked at without cargo-deny, which is not installed)",
        metadata.packages.len()
    );
    Ok(Outcome::Done)
}

fn policy(text: &str) -> Result<Policy> {
    toml::from_str(text).context("deny.toml has what this gate does not know: teach xtask/src/gates/deny.rs")
}

/// Returns the violations of one package.
fn check(policy: &Policy, package: &Package) -> Result<Vec<String>> {
    let shown = format!("{} {}", package.name, package.version);
    let mut faults = Vec::new();
    if let Some(source) = &package.source {
        let known = match source.repr.split_once('+') {
            Some(("registry", url)) => {
                policy.sources.unknown_registry != "deny" || policy.sources.allow_registry.iter().any(|one| one == url)
            }
            Some(("git", _)) => policy.sources.unknown_git != "deny",
            _ => false,
        };
        if !known {
            faults.push(format!("{shown} comes from {}", source.repr));
        }
    }
    for ban in &policy.bans.deny {
        if is_meant(&ban.which, package)? {
            faults.push(format!("{shown} is banned: {}", ban.reason));
        }
    }
    let private = package.publish.as_ref().is_some_and(Vec::is_empty) && package.source.is_none();
    if private && policy.licenses.private.ignore {
        return Ok(faults);
    }
    let exceptions = policy.licenses.exceptions.iter().filter(|one| one.name == package.name.as_str());
    let allowed: Vec<&String> = policy.licenses.allow.iter().chain(exceptions.flat_map(|one| &one.allow)).collect();
    match &package.license {
        None => faults.push(format!("{shown} does not say its licence")),
        Some(said) if !licence::holds(said, &|one| allowed.iter().any(|it| *it == one))? => {
            faults.push(format!("{shown} has the licence {said}"));
        }
        Some(_) => {}
    }
    Ok(faults)
}

fn is_meant(which: &str, package: &Package) -> Result<bool> {
    let (name, range) = which.split_once('@').unwrap_or((which, "*"));
    if name != package.name.as_str() {
        return Ok(false);
    }
    let range = VersionReq::parse(range).with_context(|| format!("deny.toml bans {which}, which is no range"))?;
    Ok(range.matches(&package.version))
}

/// Returns the workspace's dependencies that accept any version.
fn wildcards(policy: &Policy, metadata: &Metadata) -> Vec<String> {
    if policy.bans.wildcards != "deny" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for package in metadata.workspace_packages() {
        for part in &package.dependencies {
            let by_path = part.path.is_some() && policy.bans.allow_wildcard_paths;
            if part.req == VersionReq::STAR && !by_path {
                faults.push(format!("{} takes any version of {}", package.name, part.name));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests;
