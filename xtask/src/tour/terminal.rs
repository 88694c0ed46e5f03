//! A shell that runs one block after the other and returns what each printed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The line that the shell prints after each block, with the status of its last command.
const MARK: &str = "-- end of block:";

pub(super) struct Terminal {
    shell: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Terminal {
    /// Opens a shell; `configure` sets its folder and environment.
    pub(super) fn open(configure: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut command = Command::new("bash");
        configure(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().context("the tour needs bash")?;
        let mut input = shell.stdin.take().context("the shell has no input")?;
        let output = BufReader::new(shell.stdout.take().context("the shell has no output")?);
        writeln!(input, "exec 2>&1")?;
        Ok(Self { shell, input, output })
    }

    /// Runs a block, shows what it prints and returns it. Fails if its last command fails.
    pub(super) fn play(&mut self, block: &str) -> Result<String> {
        println!();
        for line in block.lines() {
            println!("$ {line}");
        }
        writeln!(self.input, "{block}\necho \"{MARK} $?\"")?;
        self.input.flush()?;
        let mut said = String::new();
        loop {
            let mut line = Vec::new();
            ensure!(self.output.read_until(b'\n', &mut line)? > 0, "the shell ended in the middle of the tour");
            let line = String::from_utf8_lossy(&line);
            // The last output of a job in the background may have no line end.
            if let Some((before, status)) = line.rsplit_once(MARK) {
                print!("{before}");
                ensure!(status.trim() == "0", "that ended with status {}", status.trim());
                return Ok(said);
            }
            print!("{line}");
            said.push_str(&line);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
