//! `rekindle run` at a terminal: the command has it on all its streams, reads from it, is interrupted and stopped as in
//! a shell without the runner, and returns it.
#![expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::thread;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::unistd::{setsid, ttyname};
use support::{Dev, LIMIT, is_alive, rekindle, text, until};

/// A program with a terminal of its own, and the keyboard and screen of that terminal.
struct Screen {
    child: Child,
    keys: File,
    shown: String,
}

impl Screen {
    /// Starts a program as the leader of a terminal's session.
    #[expect(unsafe_code, reason = "a controlling terminal can be taken between fork and exec only")]
    fn start(command: &mut Command) -> Self {
        let size = Winsize { ws_row: 33, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 };
        let ends = openpty(Some(&size), None).unwrap();
        let path = ttyname(&ends.slave).unwrap();
        let end = || ends.slave.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: two system calls; the path was allocated before.
        unsafe {
            command.pre_exec(move || {
                setsid()?;
                // The first terminal that a session leader opens becomes its controlling terminal.
                nix::fcntl::open(&path, nix::fcntl::OFlag::O_RDWR, nix::sys::stat::Mode::empty())?;
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        Self { child, keys: File::from(ends.master), shown: String::new() }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this text is shown, and returns everything shown up to then.
    #[track_caller]
    fn sees(&mut self, words: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.shown.find(words) {
                return self.shown.drain(..at + words.len()).collect();
            }
            assert!(Instant::now() < deadline, "{words:?} is not on the screen: {}", self.shown);
            let mut waiting = [PollFd::new(self.keys.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waiting, PollTimeout::from(100_u8)).unwrap() == 0 {
                continue;
            }
            let mut bytes = [0; 4096];
            // On Linux an error here means that the other end is closed.
            let read = self.keys.read(&mut bytes).unwrap_or(0);
            assert!(read > 0, "{words:?} was never on the screen: {}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    #[track_caller]
    fn code(mut self) -> Option<i32> {
        // Keeps reading, since the program blocks while its output is not read.
        let mut rest = self.keys.try_clone().unwrap();
        thread::spawn(move || std::io::copy(&mut rest, &mut std::io::sink()));
        until("the program ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn shell(dev: &Dev) -> Screen {
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-i"]).current_dir(dev.folder()).env("PS1", "ready> ");
    bash.env("B", env!("CARGO_BIN_EXE_rekindle")).env_remove("REKINDLE_URL").env_remove("REKINDLE_API_KEY");
    let mut screen = Screen::start(&mut bash);
    screen.sees("ready> ");
    screen
}

#[test]
fn the_command_has_the_terminal_on_all_streams() {
    let dev = Dev::start();
    let script =
        "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; stty size <&2; echo word >&2; read x; echo got-$x; exit 4";
    let mut screen = Screen::start(rekindle(dev.folder()).args(["run", "--project", "p", "--", "sh", "-c", script]));
    screen.sees("all\r\n");
    screen.sees("33 77\r\n");
    screen.sees("word\r\n");
    screen.press("hello\n");
    screen.sees("got-hello\r\n");
    screen.sees("session recover");
    assert_eq!(screen.code(), Some(4));
    let session = dev.session("p", "failed");
    assert_eq!(text(&session["metadata"], "error_message"), "exit status 4; last lines of stderr:\nword");
}

#[test]
fn an_interrupt_reaches_the_command() {
    let dev = Dev::start();
    let script = "trap 'echo caught; exit 5' INT; echo go; while :; do sleep 0.05; done";
    let mut screen = Screen::start(rekindle(dev.folder()).args(["run", "--project", "p", "--", "sh", "-c", script]));
    screen.sees("go\r\n");
    screen.press("\x03");
    screen.sees("caught\r\n");
    screen.sees("exit status 5");
    assert_eq!(screen.code(), Some(5));
}

#[test]
fn a_shell_can_stop_and_continue_it() {
    let dev = Dev::start();
    let mut screen = shell(&dev);
    screen.press("$B run --project p -- sh -c 'echo $$ > pid; echo go; read x; echo got-$x'\n");
    screen.sees("go\r\n");
    let pid: i32 = until("the pid", || std::fs::read_to_string(dev.folder().join("pid")).ok()?.trim().parse().ok());
    screen.press("\x1a");
    screen.sees("Stopped");
    screen.sees("ready> ");
    assert!(is_alive(pid));
    screen.press("fg\n");
    screen.press("one\n");
    screen.sees("got-one\r\n");
    screen.sees("ready> ");
    screen.press("echo code=$?\n");
    screen.sees("code=0");
    dev.session("p", "completed");
}

#[test]
fn a_pipeline_is_stopped_as_a_whole_and_its_command_can_read_the_terminal() {
    let dev = Dev::start();
    let mut screen = shell(&dev);
    // Without a fork while it may be stopped: a shell that waits for a vfork cannot stop, with or without the runner.
    let script = "echo go; read x; echo got-$x; read x; echo got-$x; exec sleep 600";
    screen.press(&format!("$B run --project p -- sh -c '{script}' | cat\n"));
    screen.sees("go\r\n");
    screen.press("two\n");
    screen.sees("got-two\r\n");
    screen.press("\x1a");
    screen.sees("Stopped");
    screen.sees("ready> ");
    screen.press("fg\n");
    screen.press("three\n");
    screen.sees("got-three\r\n");
    screen.press("\x03");
    screen.sees("SIGINT");
    screen.sees("ready> ");
    dev.session("p", "failed");
}

#[test]
fn the_terminal_is_returned_if_the_command_cannot_be_started() {
    let dev = Dev::start();
    let mut screen = shell(&dev);
    screen.press("$B run --project p -- no-such-command-of-ours\n");
    screen.sees("could not be started");
    screen.sees("ready> ");
    screen.press("echo code=$?\n");
    screen.sees("code=127");
}

#[test]
fn a_hang_up_of_the_terminal_ends_the_command() {
    let dev = Dev::start();
    let mut screen = shell(&dev);
    screen.press("$B run --project p -- sh -c 'echo $$ > pid; echo go; exec sleep 600'\n");
    screen.sees("go\r\n");
    let pid: i32 = until("the pid", || std::fs::read_to_string(dev.folder().join("pid")).ok()?.trim().parse().ok());
    // The shell ends and its window closes.
    drop(screen);
    until("the command is gone", || (!is_alive(pid)).then_some(()));
}

#[test]
fn a_shell_as_the_command_has_job_control() {
    let dev = Dev::start();
    let mut run = rekindle(dev.folder());
    run.args(["run", "--project", "p", "--interactive", "--", "bash", "--norc", "--noprofile", "-i"]);
    let mut screen = Screen::start(run.env("PS1", "inner> "));
    let greeting = screen.sees("inner> ");
    assert!(!greeting.contains("no job control"), "{greeting}");
    screen.press("sh -c 'echo $((40 + 2)); read x; echo got-$x'\n");
    screen.sees("42\r\n");
    screen.press("\x1a");
    screen.sees("Stopped");
    screen.sees("inner> ");
    screen.press("fg\n");
    screen.press("four\n");
    screen.sees("got-four\r\n");
    screen.sees("inner> ");
    // A second time: a shell with a stopped job ignores the first `exit`.
    screen.press("exit 3\n");
    screen.sees("exit status 3");
    dev.session("p", "failed");
}
