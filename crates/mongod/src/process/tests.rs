//! Which processes end with this one, and how a process is recognized.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;

use super::{ends, is_in_proc, is_in_ps, start_bound};

#[test]
fn process_outlives_the_thread_that_started_it() {
    let thread = std::thread::spawn(|| {
        let mut command = Command::new("sleep");
        command.arg("300");
        start_bound(command).unwrap()
    });
    let mut child = thread.join().unwrap();
    // The signal of an ended thread would have been sent before its join returned.
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn process_with_a_reused_id_is_not_ended() {
    let mut child = Command::new("sleep").arg("300").spawn().unwrap();
    assert!(!ends(child.id(), Path::new("/some/where")).unwrap());
    assert!(child.try_wait().unwrap().is_none(), "a stranger was ended");
    super::signal(child.id(), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
}

#[test]
fn process_is_recognized_by_its_dbpath() {
    let mut command = Command::new("sh");
    command.args(["-c", "read line; exit 0", "--dbpath", "/some/where", "--logappend"]).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut ways: Vec<fn(u32, &Path) -> bool> = vec![is_in_proc];
    if Command::new("ps").arg("-V").output().is_ok() {
        ways.push(is_in_ps);
    }
    for way in &ways {
        assert!(way(child.id(), Path::new("/some/where")));
        assert!(!way(child.id(), Path::new("/some")) && !way(child.id(), Path::new("/some/where/else")));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for way in &ways {
        assert!(!way(child.id(), Path::new("/some/where")));
    }
}
