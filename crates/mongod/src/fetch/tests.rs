//! The parts of fetching that need no network.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::mpsc::sync_channel;

use super::{fetch, last_lines, run, search, size};

#[test]
fn failing_program_is_quoted_by_its_last_lines() {
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "echo first; echo 'No matching distribution found' >&2; exit 1"]);
    let error = format!("{:#}", run(command, scratch.path(), || {}).unwrap_err());
    assert!(error.contains("No matching distribution found"), "{error}");
    assert!(error.contains("exit status: 1"), "{error}");
}

#[test]
fn binary_is_found_anywhere_in_the_wheel() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(search(folder.path()).unwrap(), None);
    let deep = folder.path().join("x.data/purelib/db/bin");
    fs::create_dir_all(&deep).unwrap();
    fs::write(folder.path().join("mongod"), "not this").unwrap();
    fs::write(deep.join("mongod"), "12345").unwrap();
    assert_eq!(search(folder.path()).unwrap(), Some(deep.join("mongod")));
    assert_eq!(size(folder.path()), 13);
}

#[test]
fn last_lines_skip_empty_ones() {
    assert_eq!(last_lines("a\n\nb\n \nc\n\n", 2), "b\nc");
    assert_eq!(last_lines("", 2), "");
}

#[test]
fn waiting_process_uses_the_binary_that_another_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let destination = folder.path().join("mongod");
    let other = File::create(folder.path().join("fetch.lock")).unwrap();
    other.lock().unwrap();
    let (sender, lines) = sync_channel(10);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| fetch(&destination, &|line| sender.send(line.to_owned()).unwrap()));
        assert!(lines.recv().unwrap().contains("waiting"));
        fs::write(&destination, "#!/bin/sh\necho 'db version v6.0.5'\n").unwrap();
        fs::set_permissions(&destination, fs::Permissions::from_mode(0o755)).unwrap();
        drop(other);
        assert_eq!(waiting.join().unwrap().unwrap(), destination);
    });
    assert!(lines.try_recv().is_err(), "it fetched a second time");
}
