//! Where the lines of the log end: stderr, or a file and stderr in its stead while it cannot be written.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::batch::Batch;
use super::config::Format;
use super::lines::own_line;
use super::rotating_file::Rotating;

/// After this long a file that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// So often it is said that something is wrong with it.
const NOTE: Duration = Duration::from_secs(60);

/// See the top of the file.
pub(super) struct Sink {
    file: Option<Rotating>,
    stderr: Box<dyn Write + Send>,
    format: Format,
    failing: Option<Failing>,
    /// When it was last said that something is wrong with the file.
    noted: Option<Instant>,
}

/// A file that cannot be written.
struct Failing {
    tried: Instant,
    /// As many lines went to stderr so far.
    lines: u64,
}

impl Sink {
    /// Everything goes to stderr.
    pub(super) fn stderr(format: Format) -> Self {
        Self { file: None, stderr: Box::new(io::stderr()), format, failing: None, noted: None }
    }

    /// Everything goes to the file, if it can.
    pub(super) fn file(file: Rotating, format: Format) -> Self {
        Self { file: Some(file), ..Self::stderr(format) }
    }

    /// Writes a batch, somewhere.
    pub(super) fn write(&mut self, batch: &Batch) {
        if batch.reopen
            && let Some(file) = &mut self.file
        {
            file.reopen();
            // The caller may have mended the cause.
            self.failing = self.failing.take().and_then(|failing| Some(Failing { tried: long_ago()?, ..failing }));
        }
        self.deliver(&batch.lines);
        if batch.lost > 0 {
            let message = "Log lines were lost: they came faster than they could be written";
            let note = own_line(self.format, message, &[("lines", batch.lost.into())]);
            self.deliver(note.as_bytes());
        }
    }

    fn deliver(&mut self, lines: &[u8]) {
        let left = self.write_file(lines);
        if let Some(failing) = &mut self.failing {
            failing.lines += left.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        // An error of stderr cannot be reported anywhere.
        let _ = self.stderr.write_all(left);
    }

    /// Writes what it can to the file; answers what is left for stderr.
    fn write_file<'a>(&mut self, lines: &'a [u8]) -> &'a [u8] {
        let Some(file) = &mut self.file else { return lines };
        if self.failing.as_ref().is_some_and(|failing| failing.tried.elapsed() < RETRY) {
            return lines;
        }
        let mut left = lines;
        let written = loop {
            if left.is_empty() {
                break Ok(());
            }
            match file.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) => break Err(error),
            }
        };
        let (trouble, path) = (file.trouble(), file.path().display().to_string());
        match written {
            Ok(()) if !lines.is_empty() => {
                if let Some(failing) = self.failing.take() {
                    let message = "The log file can be written again; meanwhile lines went to stderr";
                    let note = own_line(self.format, message, &[("lines", failing.lines.into())]);
                    // If not this one, then the next line finds out.
                    let _ = file.write(note.as_bytes());
                }
            }
            Ok(()) => {}
            Err(error) => {
                let lines = self.failing.as_ref().map_or(0, |failing| failing.lines);
                self.failing = Some(Failing { tried: Instant::now(), lines });
                self.note("The log file cannot be written; its lines go to stderr", &path, &error.to_string());
            }
        }
        if let Some(trouble) = trouble {
            self.note("The log file cannot be put away, and grows", &path, &trouble);
        }
        left
    }

    /// Says on stderr what is wrong with the file, once a minute.
    fn note(&mut self, message: &str, path: &str, error: &str) {
        if self.noted.is_some_and(|noted| noted.elapsed() < NOTE) {
            return;
        }
        self.noted = Some(Instant::now());
        let note = own_line(self.format, message, &[("file", Value::from(path)), ("error", Value::from(error))]);
        let _ = self.stderr.write_all(note.as_bytes());
    }
}

/// A moment after which it is time to try again.
fn long_ago() -> Option<Instant> {
    Instant::now().checked_sub(RETRY)
}

#[cfg(test)]
mod tests;
