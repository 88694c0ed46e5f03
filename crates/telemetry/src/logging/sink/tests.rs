//! Where lines go when the file cannot be written.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rekindle_core::SystemClock;

use super::*;
use crate::logging::LogFile;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn outlet(path: &Path, format: Format) -> (Sink, Kept) {
    let kept = Kept::default();
    let plan = LogFile { path: path.to_owned(), max_bytes: 1 << 20, keep: 3 };
    let file = Rotating::open(&plan, Arc::new(SystemClock)).unwrap();
    (Sink { stderr: Box::new(kept.clone()), ..Sink::file(file, format) }, kept)
}

fn lines(text: &str) -> Batch {
    Batch { lines: text.as_bytes().to_vec(), ..Batch::default() }
}

#[test]
fn while_the_file_cannot_be_written_lines_go_to_stderr_and_that_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, path) = (folder.path().join("logs"), folder.path().join("logs/rekindle.log"));
    fs::create_dir(&logs).unwrap();
    let (mut outlet, stderr) = outlet(&path, Format::Json);
    outlet.write(&lines("one\n"));
    assert_eq!(stderr.text(), "");

    fs::remove_dir_all(&logs).unwrap();
    for text in ["two\n", "three\nfour\n"] {
        outlet.write(&lines(text));
        // As after the time for another try.
        outlet.failing.as_mut().unwrap().tried = long_ago().unwrap();
    }
    let said = stderr.text();
    let (note, rest) = said.split_once('\n').unwrap();
    let note: Value = serde_json::from_str(note).unwrap();
    assert_eq!((&note["level"], &note["context"]["file"]), (&"WARN".into(), &path.display().to_string().into()));
    assert!(note["context"]["error"].as_str().unwrap().contains("No such file"), "{note}");
    assert_eq!(rest, "two\nthree\nfour\n");

    fs::create_dir(&logs).unwrap();
    outlet.write(&lines("five\n"));
    assert_eq!(stderr.text(), said, "nothing more goes to stderr");
    let file = fs::read_to_string(&path).unwrap();
    let (first, note) = file.split_once('\n').unwrap();
    let note: Value = serde_json::from_str(note).unwrap();
    assert_eq!((first, &note["context"]["lines"]), ("five", &3.into()));
}

#[test]
fn a_reopening_tries_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, path) = (folder.path().join("logs"), folder.path().join("logs/rekindle.log"));
    fs::create_dir(&logs).unwrap();
    let (mut outlet, _stderr) = outlet(&path, Format::Pretty);
    fs::remove_dir_all(&logs).unwrap();
    outlet.write(&lines("one\n"));
    fs::create_dir(&logs).unwrap();
    outlet.write(&Batch { reopen: true, ..Batch::default() });
    outlet.write(&lines("two\n"));
    assert!(fs::read_to_string(&path).unwrap().starts_with("two\n"));
}

#[test]
fn lost_lines_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekindle.log");
    let (mut outlet, _stderr) = outlet(&path, Format::Pretty);
    outlet.write(&Batch { lost: 7, ..lines("one\n") });
    let file = fs::read_to_string(&path).unwrap();
    assert!(
        file.starts_with("one\n") && file.contains("WARN Log lines were lost") && file.contains("lines=7"),
        "{file}"
    );
}

#[test]
fn a_stderr_that_is_closed_harms_nobody() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    let mut outlet = Sink { stderr: Box::new(Closed), ..Sink::stderr(Format::Json) };
    outlet.write(&lines("one\n"));
    outlet.write(&Batch { lost: 1, ..lines("two\n") });
}
