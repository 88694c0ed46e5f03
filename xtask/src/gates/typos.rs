//! Spelling, checked by `typos` (typos.toml has the project's words). A fixed version is used, so that every machine
//! has the same dictionary: the installed one if it has that version, or else the wheel that Python's pip downloads.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::outcome::Outcome;
use crate::shell::{self, output, root, target_dir};

const VERSION: &str = "1.52.0";
/// The checksums of the wheels of that version.
const HASHES: &[&str] = &[
    // Linux, x86-64 and arm64
    "418fd85f7fc11dec14e5482e747f6e916af56da96207cde0cdd69540a4b389f6",
    "5e870133c7e9cace94183e4d638697004a1473e79abcd01b8f75e362049a9b5c",
    // Linux with musl
    "89dab63cc338b374ba3ba7e14cfdcc6dec2e4dca67309a85f84cc00f0cd3d54e",
    // macOS, x86-64 and arm64
    "791d8778c4cb07f7a3f759ac65db09f6285aa480598bff42cfca2a32b0953200",
    "257324274303a459fef79978cae942568419d2e8b18519e5f66b93a7e2df2ba1",
];

pub(crate) fn run() -> Result<Outcome> {
    let kept = target_dir().join("tools").join(format!("typos-{VERSION}"));
    let program = [PathBuf::from("typos"), kept.clone()].into_iter().find(|program| is_that(program));
    let program = match program {
        Some(program) => program,
        None => match fetch(&kept) {
            Ok(()) => kept,
            Err(fault) => {
                let said = format!("{fault:#}");
                let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
                return Ok(Outcome::Skipped(format!(
                    "typos {VERSION} is not installed, nor can it be fetched: {last}"
                )));
            }
        },
    };
    let mut command = Command::new(program);
    command.current_dir(root()).args(["--config", "typos.toml", "."]);
    shell::run(command).context("mend them, or add what is right to typos.toml")?;
    println!("no typos");
    Ok(Outcome::Done)
}

fn is_that(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.arg("--version");
    output(command).is_ok_and(|said| said.split_whitespace().nth(1) == Some(VERSION))
}

/// Writes the program atomically.
fn fetch(place: &Path) -> Result<()> {
    let folder = place.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let room = tempfile::Builder::new().prefix("typos-").tempdir_in(folder)?;
    println!("fetching typos {VERSION} with pip (8 MB)");
    let wanted = room.path().join("requirements.txt");
    let hashes: Vec<String> = HASHES.iter().map(|hash| format!("--hash=sha256:{hash}")).collect();
    fs::write(&wanted, format!("typos=={VERSION} {}\n", hashes.join(" ")))?;
    let mut pip = python(&["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--quiet"]);
    pip.args(["--disable-pip-version-check", "--no-input", "--retries=2", "--timeout=20", "--dest"]);
    output_of(pip.arg(room.path()).arg("--requirement").arg(&wanted))?;
    let is_wheel = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "whl");
    let wheel = entries(room.path())?.into_iter().find(is_wheel).context("pip was content, but there is no wheel")?;
    let inside = room.path().join("inside");
    output_of(python(&["-m", "zipfile", "-e"]).arg(&wheel).arg(&inside))?;
    let scripts = entries(&inside)?.into_iter().map(|path| path.join("scripts/typos")).find(|path| path.is_file());
    let fresh = scripts.context("there is no program in the wheel")?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755))?;
    ensure!(is_that(&fresh), "the fetched program does not run on this system");
    fs::rename(&fresh, place)?;
    Ok(())
}

fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(arguments);
    command
}

fn output_of(command: &mut Command) -> Result<String> {
    output(std::mem::replace(command, Command::new("python3")))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    entries.collect()
}
