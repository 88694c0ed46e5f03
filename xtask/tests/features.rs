//! The dependencies of xtask, of the workspace and of its tests are built with the same features, so that `cargo xtask ci`
//! compiles each of them once.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Returns every package with its features, as cargo selects them for these arguments.
fn features(arguments: &[&str]) -> Result<BTreeSet<String>> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "--locked", "--prefix", "none", "--no-dedupe"]);
    let output = command.args(["--format", "{p} | {f}"]).args(arguments).output().context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.lines().map(|line| line.replace(" (proc-macro)", "")).collect())
}

#[test]
fn each_dependency_is_built_once() -> Result<()> {
    let tests = features(&["--workspace", "--edges", "normal,build,dev"])?;
    assert!(tests.len() > 100, "cargo tree shows only {} packages", tests.len());
    let xtask = features(&["--package", "xtask", "--edges", "normal,build"])?;
    let workspace = features(&["--workspace", "--edges", "normal,build"])?;
    for (name, parts) in [("xtask", xtask), ("the workspace without its tests", workspace)] {
        let other: Vec<_> = parts.difference(&tests).collect();
        assert!(
            other.is_empty(),
            "{name} is built with other features than the tests of the workspace, and so again in CI. Add what the tests \
             have more to xtask/Cargo.toml: {other:#?}"
        );
    }
    Ok(())
}
