//! Runs other programs from the workspace's root. Errors name the program that failed.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::totals::{Runner, Totals};

pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Returns cargo's target directory.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(elsewhere) => root().join(elsewhere),
        None => root().join("target"),
    }
}

/// Builds the command line for debugging and returns its path. Its features are those of the whole workspace, so that
/// nothing is left to build after the tests.
pub(crate) fn build_rekindle() -> Result<PathBuf> {
    run(cargo(["build", "--quiet", "--workspace", "--bin", "rekindle"]))?;
    Ok(target_dir().join("debug/rekindle"))
}

/// Waits between two polls, in a program without a runtime.
#[expect(clippy::disallowed_methods, reason = "no runtime's thread is stopped: there is none")]
pub(crate) fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// Returns a command for the cargo that runs this program, at the workspace's root.
pub(crate) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    // `cargo run` describes xtask in these. The build script of ring watches them: with other values than in a shell, it and all
    // that is built on it would be compiled again by each cargo that xtask starts, and by the next one in the shell.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// Returns whether a program can be started and succeeds.
pub(crate) fn succeeds(mut command: Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// Runs a program with its output on this program's own. Fails if it fails.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(&command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(&command));
    }
    Ok(())
}

/// Runs a program, passes on its output line by line, and adds the tests that it reports to `totals`. Fails if it fails.
pub(crate) fn run_counted(mut command: Command, runner: Runner, totals: &mut Totals) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(&command)))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (from_out, from_err) = std::thread::scope(|scope| {
        let out = scope.spawn(|| pass_on(out, std::io::stdout(), runner));
        let err = scope.spawn(|| pass_on(err, std::io::stderr(), runner));
        (out.join(), err.join())
    });
    let status = child.wait()?;
    for seen in [from_out, from_err] {
        match seen {
            Ok(seen) => *totals += seen?,
            Err(_) => bail!("a thread that read the output of {} died", shown(&command)),
        }
    }
    if !status.success() {
        bail!("{} ended with {status}", shown(&command));
    }
    Ok(())
}

/// Returns what a program prints, trimmed. Fails if it fails.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", shown(&command)))?;
    if !output.status.success() {
        bail!("{} ended with {}: {}", shown(&command), output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn pass_on(source: Option<impl Read>, mut sink: impl Write, runner: Runner) -> Result<Totals> {
    let mut totals = Totals::default();
    let Some(source) = source else { return Ok(totals) };
    let mut source = BufReader::new(source);
    let mut line = Vec::new();
    while source.read_until(b'\n', &mut line)? > 0 {
        sink.write_all(&line)?;
        totals.read_line(runner, &String::from_utf8_lossy(&line));
        line.clear();
    }
    sink.flush()?;
    Ok(totals)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
