//! The parts of fetching that need no network.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::mpsc::sync_channel;

use super::{fetch, last_lines, run, search, size};

#[test]
fn a_program_that_fails_is_quoted_by_its_last_lines() {
    let room = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "echo first; echo 'No matching distribution found' >&2; exit 1"]);
    let fault = format!("{:#}", run(command, room.path(), || {}).unwrap_err());
    assert!(fault.contains("No matching distribution found"), "{fault}");
    assert!(fault.contains("exit status: 1"), "{fault}");
}

#[test]
fn the_binary_is_found_wherever_the_wheel_keeps_it() {
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
fn last_lines_leave_out_what_is_empty() {
    assert_eq!(last_lines("a\n\nb\n \nc\n\n", 2), "b\nc");
    assert_eq!(last_lines("", 2), "");
}

#[test]
fn who_waits_for_another_process_takes_what_that_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("mongod");
    let other = File::create(folder.path().join("fetch.lock")).unwrap();
    other.lock().unwrap();
    let (told, heard) = sync_channel(10);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| fetch(&place, &|line| told.send(line.to_owned()).unwrap()));
        assert!(heard.recv().unwrap().contains("waiting"));
        fs::write(&place, "#!/bin/sh\necho 'db version v6.0.5'\n").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        drop(other);
        assert_eq!(waiting.join().unwrap().unwrap(), place);
    });
    assert!(heard.try_recv().is_err(), "it fetched a second time");
}
