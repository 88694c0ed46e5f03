//! Finds a `mongod`: the one of `REKINDLE_MONGOD`, else one on the PATH, else one that was fetched before.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::suite::{TEST_BINARY, test_binary};

/// If it is 1, every `mongod` is ignored, to try out a machine without one.
pub const NO_MONGOD: &str = "REKINDLE_NO_MONGOD";

/// The version that is fetched, and that the project is developed with.
pub const FETCHED_VERSION: &str = "6.0.5";

/// The oldest supported major version.
const OLDEST: u32 = 6;

/// Returns the target directory of cargo. Its folder `mongod` holds the fetched program and the data of nodes.
pub fn target_dir() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().unwrap_or(root);
    root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Returns an installed or fetched `mongod` that is new enough, or `None` where there is none.
///
/// # Errors
/// Fails if [`TEST_BINARY`] names one that cannot be used, or if [`NO_MONGOD`] is set.
pub fn find() -> Result<Option<PathBuf>> {
    if std::env::var_os(NO_MONGOD).is_some_and(|set| set == "1") {
        bail!("{NO_MONGOD} is set");
    }
    if let Some(path) = test_binary() {
        let checked = version(&path).and_then(|version| new_enough(&version));
        checked.with_context(|| format!("{TEST_BINARY}={} will not do", path.display()))?;
        return Ok(Some(path));
    }
    // A program that is too old, or cannot run here, is skipped: the fetched one may be usable.
    let candidates = on_path(std::env::var_os("PATH").unwrap_or_default().as_os_str()).into_iter().chain([fetched()]);
    Ok(candidates.into_iter().find(|path| version(path).and_then(|version| new_enough(&version)).is_ok()))
}

/// Returns the path of the fetched `mongod`.
pub(crate) fn fetched() -> PathBuf {
    target_dir().join("mongod").join(FETCHED_VERSION).join("mongod")
}

/// Returns the version that a `mongod` prints, such as `6.0.5`.
pub fn version(binary: &Path) -> Result<String> {
    let shown = binary.display();
    let output = Command::new(binary).arg("--version").output().with_context(|| format!("cannot run {shown}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{shown} --version ended with {}: {}", output.status, errors.trim());
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().find_map(|line| line.strip_prefix("db version v"));
    version
        .map(|version| version.trim().to_owned())
        .with_context(|| format!("{shown} does not say its version: {text}"))
}

fn new_enough(version: &str) -> Result<()> {
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    ensure!(
        major.is_some_and(|major| major >= OLDEST),
        "it is mongod {version}, and {OLDEST}.0 is the oldest that will do"
    );
    Ok(())
}

fn on_path(path: &std::ffi::OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join("mongod")).find(|file| file.is_file())
}

#[cfg(test)]
mod tests;
