//! The files of the repository that git knows: the committed ones, and new ones that are not ignored.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell::{output, root};

/// Returns their paths from the root.
pub(super) fn files() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let listed = output(git).context("git must be able to say which files there are")?;
    let files: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    // A file that was just removed is still in the index.
    let files: Vec<String> = files.into_iter().filter(|file| root().join(file).is_file()).collect();
    ensure!(files.len() > 30, "git knows only {} files here: it looks in the wrong place", files.len());
    Ok(files)
}

pub(super) fn read(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))
}

/// Returns whether a file is Rust code of the workspace other than tests.
pub(super) fn is_production_code(path: &str) -> bool {
    let ours = path.starts_with("crates/") || path.starts_with("xtask/");
    let rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
    ours && rust && !path.contains("/tests/") && !path.ends_with("/tests.rs")
}

/// Returns every string between two quotes of a source text that `fits`. Escaped quotes are not recognised: names have
/// none.
pub(super) fn literals(source: &str, fits: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let pieces = source.lines().flat_map(|line| line.split('"'));
    pieces.filter(|piece| fits(piece)).map(str::to_owned).collect()
}
