//! The optimized binary, built and tried: it shows its version, refuses to start without settings, serves, stores a session
//! and shuts down cleanly on SIGTERM.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rekindle_core::{Ids, RandomIds};
use serde_json::Value;

use super::outcome::Outcome;
use crate::shell::{self, cargo, output, pause, target_dir};

const RELEASE: &str = "release";
const PATIENCE: Duration = Duration::from_secs(60);

/// Selects the binary.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The build profile; `dist` is the one for what is shipped, and takes longer to build.
    #[arg(long, default_value = RELEASE, value_parser = [RELEASE, "dist"])]
    profile: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { profile: RELEASE.to_owned() }
    }
}

/// Builds the binary and tries it.
pub(crate) fn run(options: &Options) -> Result<Outcome> {
    shell::run(cargo(["build", "--profile", &options.profile, "--locked", "-p", "rekindle-cli"]))?;
    let folder = tempfile::tempdir()?;
    let trial = Trial {
        program: target_dir().join(&options.profile).join("rekindle"),
        folder: folder.path(),
        key: RandomIds.new_id().to_string(),
    };
    let version = trial.say(&["--version"])?;
    let expected = format!("rekindle {}", env!("CARGO_PKG_VERSION"));
    ensure!(version == expected, "it says \"{version}\", and not \"{expected}\"");
    trial.refuses_without_settings()?;
    trial.serves()?;
    let size = fs::metadata(&trial.program)?.len();
    println!("{version} works: {:.1} MB ({size} bytes)", mega(size));
    Ok(Outcome::Done)
}

fn mega(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1000).unwrap_or(u32::MAX)) / 1000.0
}

struct Trial<'a> {
    program: PathBuf,
    folder: &'a Path,
    key: String,
}

impl Trial<'_> {
    /// Returns a command for the program with an empty environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder).env_clear().stdin(Stdio::null());
        command
    }

    fn say(&self, arguments: &[&str]) -> Result<String> {
        output(self.command(arguments))
    }

    fn refuses_without_settings(&self) -> Result<()> {
        let ended = self.command(&["serve"]).output()?;
        let said = String::from_utf8_lossy(&ended.stderr);
        let names = said.contains("STORE_URL") && said.contains("API_KEYS");
        ensure!(ended.status.code() == Some(78) && names, "without settings it ended with {}: {said}", ended.status);
        Ok(())
    }

    fn serves(&self) -> Result<()> {
        let database = self.folder.join("rekindle.db");
        let mut command = self.command(&["serve"]);
        command.env("STORE_URL", format!("sqlite:{}", database.display())).env("API_KEYS", &self.key).env("PORT", "0");
        let mut server = Server::start(command)?;
        let url = server.address()?;
        let ask = |arguments: &[&str]| -> Result<String> {
            let mut command = self.command(arguments);
            output({
                command.env("REKINDLE_URL", &url).env("REKINDLE_API_KEY", &self.key);
                command
            })
        };
        ensure!(ask(&["health"])? == "alive" && ask(&["health", "--ready"])? == "ready", "it does not say how it is");
        let created: Value =
            serde_json::from_str(&ask(&["session", "create", "--project", "smoke", "--machine", "here", "--json"])?)?;
        let id = created["session_id"].as_str().context("the session has no id")?;
        let beat: Value = serde_json::from_str(&ask(&["session", "beat", id, "--json"])?)?;
        ensure!(
            beat["status"] == "active" && beat["next_heartbeat_ms"].is_u64(),
            "a heartbeat is answered with {beat}"
        );
        server.stop()?;
        ensure!(database.exists(), "there is no database at {}", database.display());
        Ok(())
    }
}

struct Server {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Server {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("it cannot be started")?;
        let log = child.stderr.take().context("it has no log")?;
        let (send, lines) = mpsc::sync_channel(1000);
        // The log is read to its end, so that the server never blocks on it; lines that do not fit the queue are dropped.
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                send.try_send(line).ok();
            }
        });
        Ok(Self { child, lines })
    }

    /// Returns the URL from the log. Fails after a minute.
    fn address(&self) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut said = String::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = value["context"]["address"].as_str() {
                return Ok(format!("http://{address}"));
            }
            said += &line;
            said.push('\n');
        }
        bail!("it does not say where it listens:\n{said}")
    }

    fn stop(&mut self) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < deadline, "it did not end within {PATIENCE:?} of SIGTERM");
            pause(Duration::from_millis(20));
        };
        ensure!(status.code() == Some(0), "after SIGTERM it ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
