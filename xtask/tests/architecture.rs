//! The invariants of ARCHITECTURE.md that the compiler does not check: the direction of dependencies between crates, and rules
//! for every source file. Each message says what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// The crates of the workspace that each crate may depend on. A crate that is not listed may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("rekindle-core", &[]),
    ("rekindle-atomic-file", &[]),
    ("rekindle-records", &["rekindle-core"]),
    ("rekindle-api", &["rekindle-core"]),
    ("rekindle-client", &["rekindle-api"]),
    ("rekindle-integrity", &["rekindle-core"]),
    ("rekindle-testkit", &["rekindle-core", "rekindle-integrity", "rekindle-records"]),
    ("rekindle-layers", &["rekindle-core"]),
    ("rekindle-store-sqlite", &["rekindle-atomic-file", "rekindle-core", "rekindle-records"]),
    ("rekindle-store-mongo", &["rekindle-core", "rekindle-records"]),
    ("rekindle-transfer", &["rekindle-atomic-file", "rekindle-core"]),
    ("rekindle-mongod", &[]),
    ("rekindle-jobs", &["rekindle-core", "rekindle-telemetry"]),
    ("rekindle-listener", &["rekindle-core"]),
    ("rekindle-settings", &["rekindle-core"]),
    ("rekindle-stores", &["rekindle-core", "rekindle-store-mongo", "rekindle-store-sqlite"]),
    ("rekindle-telemetry", &["rekindle-core", "rekindle-layers"]),
    (
        "rekindle-http",
        &[
            "rekindle-api",
            "rekindle-core",
            "rekindle-jobs",
            "rekindle-layers",
            "rekindle-listener",
            "rekindle-telemetry",
        ],
    ),
    (
        "rekindle-server",
        &[
            "rekindle-api",
            "rekindle-core",
            "rekindle-http",
            "rekindle-jobs",
            "rekindle-layers",
            "rekindle-listener",
            "rekindle-settings",
            "rekindle-stores",
            "rekindle-telemetry",
        ],
    ),
    (
        "rekindle-cli",
        &[
            "rekindle-api",
            "rekindle-client",
            "rekindle-atomic-file",
            "rekindle-core",
            "rekindle-integrity",
            "rekindle-server",
            "rekindle-settings",
            "rekindle-stores",
            "rekindle-transfer",
        ],
    ),
];

/// The direct dependencies of the domain.
const CORE_BUILT_FROM: &[&str] = &["async-trait", "serde_json", "thiserror", "time", "uuid"];

/// Crates that the domain may not even depend on indirectly.
const FAR_FROM_CORE: &[&str] = &["tokio", "actix-web", "actix-rt", "rusqlite", "mongodb", "tracing", "reqwest", "clap"];

const MAX_LINES: usize = 400;

fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn metadata() -> Result<Metadata> {
    let command = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec();
    command.context("cargo metadata must be able to read the workspace")
}

/// Returns the dependencies of each member of the workspace, without those of its tests.
fn built_from(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let parts = package.dependencies.iter().filter(|part| part.kind != DependencyKind::Development);
        found.insert(package.name.to_string(), parts.map(|part| part.name.clone()).collect());
    }
    found
}

fn rust_files() -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut folders = vec![root().join("crates"), root().join("xtask")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path: PathBuf = entry?.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path)?;
                files.push((path.strip_prefix(root())?.display().to_string(), text));
            }
        }
    }
    files.sort();
    assert!(files.len() > 30, "the search for source files found only {}: it looks in the wrong place", files.len());
    Ok(files)
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// Returns the files of a folder that contain `text`.
fn containing<'a>(files: &'a [(String, String)], folder: &str, text: &str) -> Vec<&'a str> {
    let inside = files.iter().filter(|(path, _)| path.starts_with(folder));
    inside.filter(|(_, source)| source.contains(text)).map(|(path, _)| path.as_str()).collect()
}

#[test]
fn dependencies_point_inwards() -> Result<()> {
    let built_from = built_from(&metadata()?);
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (name, parts) in &built_from {
        if name == "xtask" {
            continue;
        }
        let Some(allowed) = allowed.get(name.as_str()) else {
            panic!("{name} is new: decide what of ours it may be built from, and add it to ARROWS in this test");
        };
        let ours = parts.iter().filter(|part| built_from.contains_key(*part));
        let wrong: Vec<_> = ours.filter(|part| !allowed.contains(&part.as_str())).collect();
        assert!(
            wrong.is_empty(),
            "{name} may be built from {allowed:?} only, and is also built from {wrong:?}: move the code that needs it \
             outwards, or put what it needs behind a port in rekindle-core"
        );
    }
    Ok(())
}

#[test]
fn core_knows_no_runtime_driver_or_serializer() -> Result<()> {
    let metadata = metadata()?;
    let direct = &built_from(&metadata)["rekindle-core"];
    let wrong: Vec<_> = direct.iter().filter(|part| !CORE_BUILT_FROM.contains(&part.as_str())).collect();
    assert!(
        wrong.is_empty(),
        "rekindle-core is built from {CORE_BUILT_FROM:?} only, and now also from {wrong:?}: put that into the crate \
         that talks to the outside, and give core a port for it"
    );

    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let core = metadata.packages.iter().find(|package| package.name == "rekindle-core").context("no rekindle-core")?;
    let mut reached = BTreeSet::from([&core.id]);
    let mut open = vec![&core.id];
    while let Some(id) = open.pop() {
        for part in &nodes[id].deps {
            let normal = part.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            // A macro crate runs in the compiler and is not linked.
            if normal && !is_macro(&metadata, &part.pkg) && reached.insert(&part.pkg) {
                open.push(&part.pkg);
            }
        }
    }
    for id in reached {
        let name = metadata[id].name.as_str();
        assert!(
            !FAR_FROM_CORE.contains(&name),
            "rekindle-core reaches {name} by way of its dependencies: find the one with `cargo tree -p rekindle-core -e normal -i {name}`"
        );
    }
    Ok(())
}

fn is_macro(metadata: &Metadata, id: &PackageId) -> bool {
    metadata[id].targets.iter().any(|target| target.kind.contains(&cargo_metadata::TargetKind::ProcMacro))
}

#[test]
fn no_crate_depends_on_xtask() -> Result<()> {
    for package in metadata()?.workspace_packages() {
        let depends = package.dependencies.iter().any(|part| part.name == "xtask");
        assert!(!depends, "{} depends on xtask, which is automation: move what it needs into a crate", package.name);
    }
    Ok(())
}

#[test]
fn only_the_crate_stores_names_the_stores() -> Result<()> {
    let files = rust_files()?;
    // With the end of the crate's name, since names of metrics have the same beginning.
    let naming = |folder: &str| {
        let mut found = containing(&files, folder, "rekindle_store_sqlite");
        found.extend(containing(&files, folder, "rekindle_store_mongo"));
        found.sort();
        found.dedup();
        found
    };
    let sources = files.iter().filter_map(|(path, _)| path.strip_prefix("crates/")?.split_once("/src/"));
    let crates: BTreeSet<_> = sources.map(|(name, _)| name).collect();
    for name in crates.into_iter().filter(|name| !matches!(*name, "store-sqlite" | "store-mongo")) {
        let found = naming(&format!("crates/{name}/src/"));
        let expected: &[&str] = if name == "stores" { &["crates/stores/src/lib.rs"] } else { &[] };
        assert_eq!(
            found, expected,
            "crates/stores/src/lib.rs alone names the stores: elsewhere take `Arc<dyn Store>`, and choose it there"
        );
    }
    Ok(())
}

#[test]
fn every_file_says_what_it_is_for() -> Result<()> {
    let files = rust_files()?;
    let silent = files.iter().filter(|(_, source)| !source.starts_with("//! "));
    let silent: Vec<_> = silent.map(|(path, _)| path.as_str()).collect();
    assert!(silent.is_empty(), "these must open with `//!`, one to six lines on what they are for: {silent:?}");
    Ok(())
}

#[test]
fn no_lint_is_silenced_without_a_reason() -> Result<()> {
    // Concatenated, so that this file does not match.
    for attribute in [["#[", "allow("].concat(), ["#![", "allow("].concat()] {
        for folder in ["crates/", "xtask/"] {
            let found = containing(&rust_files()?, folder, &attribute).join(", ");
            assert!(found.is_empty(), "{found}: mend what the lint found, or `#[expect(lint, reason = \"…\")]`");
        }
    }
    Ok(())
}

#[test]
fn no_source_file_is_longer_than_400_lines() -> Result<()> {
    for (path, source) in rust_files()? {
        let lines = source.lines().count();
        assert!(
            is_test(&path) || lines <= MAX_LINES,
            "{path} has {lines} lines, and {MAX_LINES} is the most: split it by what its parts are for"
        );
    }
    Ok(())
}

#[test]
fn no_todo_is_left() -> Result<()> {
    for (path, source) in rust_files()? {
        for stub in [["todo", "!("].concat(), ["unimplemented", "!("].concat()] {
            let found = source.lines().position(|line| line.contains(&stub) && !line.trim_start().starts_with("//"));
            let line = found.map_or(0, |at| at + 1);
            assert!(found.is_none(), "{path}:{line} has {stub}…): write it, or leave the feature out");
        }
    }
    Ok(())
}
