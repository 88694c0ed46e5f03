//! A log file that is rotated when it grows too large, and when a new day (UTC) begins; the newest rotated files are
//! kept. If another program moves or empties the file, a new one is made in its place.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use rekindle_core::{Clock, Timestamp};

use super::config::LogFile;

/// Readable for the group, as logs commonly are.
const MODE: u32 = 0o640;
/// The digits of a number in a name, so that names sort as the numbers do.
const DIGITS: usize = 4;

/// See the top of the file. Each write takes whole lines and writes all of what it says that it wrote, or nothing.
pub(super) struct Rotating {
    plan: LogFile,
    clock: Arc<dyn Clock>,
    open: Option<Open>,
    trouble: Option<String>,
}

struct Open {
    file: File,
    /// The day (UTC) of its lines, such as `2026-11-21`.
    day: String,
}

impl Rotating {
    /// Opens the file, or makes it.
    pub(super) fn open(plan: &LogFile, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let mut this = Self { plan: plan.clone(), clock, open: None, trouble: None };
        this.current()?;
        // There may be fewer wanted than before.
        this.prune();
        Ok(this)
    }

    pub(super) fn path(&self) -> &Path {
        &self.plan.path
    }

    /// Opens the file anew. If it cannot be opened now, the next line finds that out.
    pub(super) fn reopen(&mut self) {
        self.open = None;
        let _ = self.current();
    }

    /// Why the last rotation failed, if it did since this was last read.
    pub(super) fn trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    /// The present file and its length.
    fn current(&mut self) -> io::Result<(&mut Open, u64)> {
        let path = &self.plan.path;
        let there = match fs::metadata(path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let open = self.open.take().filter(|open| is_same(&open.file, there.as_ref()));
        let open = match open {
            Some(open) => open,
            // To put away a device or to wait for the reader of a pipe would do harm.
            None if there.as_ref().is_some_and(|there| !there.is_file()) => {
                return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
            }
            None => {
                let file = OpenOptions::new().append(true).create(true).mode(MODE).open(path)?;
                let written = there.filter(|there| there.len() > 0).and_then(|there| there.modified().ok());
                let written = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let written = written.and_then(|since| i64::try_from(since.as_millis()).ok());
                let day = day(written.map_or_else(|| self.clock.now(), Timestamp::from_millis));
                Open { file, day }
            }
        };
        let length = open.file.metadata()?.len();
        Ok((self.open.insert(open), length))
    }

    /// Puts the file away under a name of its day. If that cannot be done, it goes on to be used.
    fn rotate(&mut self) -> bool {
        let Some(open) = self.open.take() else { return true };
        let files = self.put_away_files();
        let of_day = files.iter().filter(|(day, ..)| *day == open.day);
        let number = of_day.map(|(_, number, _)| *number).max().unwrap_or(0) + 1;
        let (stem, extension) = self.names();
        let target = self.plan.path.with_file_name(format!("{stem}.{}.{number:0DIGITS$}{extension}", open.day));
        match fs::rename(&self.plan.path, &target) {
            Ok(()) => {
                self.prune();
                true
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                self.open = Some(open);
                false
            }
        }
    }

    /// Deletes the oldest of those that were put away.
    fn prune(&mut self) {
        let mut files = self.put_away_files();
        files.sort();
        let many = files.len().saturating_sub(self.plan.keep);
        for (.., path) in files.into_iter().take(many) {
            if let Err(error) = fs::remove_file(&path) {
                self.trouble = Some(format!("{}: {error}", path.display()));
            }
        }
    }

    /// Those that were put away: day, number and path.
    fn put_away_files(&self) -> Vec<(String, u64, PathBuf)> {
        let (stem, extension) = self.names();
        let folder = self.plan.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let read = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let middle = name.strip_prefix(&stem)?.strip_prefix('.')?.strip_suffix(&extension)?;
            let (day, number) = middle.split_once('.')?;
            let is_day = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            let is_number = number.len() >= DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
            let number = number.parse().ok().filter(|_| is_day && is_number)?;
            Some((day.to_owned(), number, entry.path()))
        };
        entries.filter_map(read).collect()
    }

    /// The parts of the name before and after the day and the number.
    fn names(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let extension = text(self.plan.path.extension());
        let extension = if extension.is_empty() { extension } else { format!(".{extension}") };
        (text(self.plan.path.file_stem()), extension)
    }
}

impl Write for Rotating {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let (today, most) = (day(self.clock.now()), self.plan.max_bytes);
        let (open, length) = self.current()?;
        let (is_of_today, fitting) = (open.day == today, fitting(lines, most.saturating_sub(length)));
        let is_due = length > 0 && (!is_of_today || fitting == 0);
        let is_stuck = is_due && !self.rotate();
        let (open, length) = self.current()?;
        if length == 0 {
            open.day = today;
        }
        // A line that fits nowhere has a file of its own; a file that cannot be put away takes everything.
        let fitting = fitting_or_first(lines, most.saturating_sub(length));
        let count = if is_stuck { lines.len() } else { fitting };
        if let Err(error) = open.file.write_all(&lines[..count]) {
            // Half a line would spoil the next one. What cannot be taken back stays.
            let _ = open.file.set_len(length);
            self.open = None;
            return Err(error);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many bytes of whole lines fit into the room.
fn fitting(lines: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if lines.len() <= room {
        return lines.len();
    }
    lines[..room].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// The same, and the first line if none fits.
fn fitting_or_first(lines: &[u8], room: u64) -> usize {
    match fitting(lines, room) {
        0 => lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |end| end + 1),
        count => count,
    }
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// Returns whether the open file is still the one at the path.
fn is_same(file: &File, there: Option<&Metadata>) -> bool {
    let identity = |about: &Metadata| (about.dev(), about.ino());
    let ours = file.metadata().ok();
    there.is_some_and(|there| ours.is_some_and(|ours| identity(&ours) == identity(there)))
}

#[cfg(test)]
mod tests;
