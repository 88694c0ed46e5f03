//! The outcome of a command and its exit code.

use nix::sys::signal::Signal;

use super::*;

fn failed(stderr: &[u8]) -> String {
    match outcome(ExitKind::Exited(3), stderr) {
        Outcome::Failed(message) => message,
        Outcome::Completed => panic!("status 3 is no success"),
    }
}

#[test]
fn success_has_no_message() {
    assert_eq!(outcome(ExitKind::Exited(0), b"warning: something\n"), Outcome::Completed);
}

#[test]
fn a_status_and_a_signal_are_named() {
    assert_eq!(failed(b""), "exit status 3");
    let killed = outcome(ExitKind::Signalled(Signal::SIGKILL), b"");
    assert_eq!(killed, Outcome::Failed("killed by signal SIGKILL (9)".to_owned()));
}

#[test]
fn the_brief_description_has_no_output_of_the_command() {
    assert_eq!(outcome(ExitKind::Exited(3), b"much\nmore\n").brief(), "exit status 3");
    assert_eq!(Outcome::Failed("no such file".to_owned()).brief(), "no such file");
    assert_eq!(Outcome::Completed.brief(), "completed");
}

#[test]
fn exit_codes_are_those_of_a_shell() {
    assert_eq!(exit_code(ExitKind::Exited(0)), 0);
    assert_eq!(exit_code(ExitKind::Exited(255)), 255);
    assert_eq!(exit_code(ExitKind::Signalled(Signal::SIGKILL)), 137);
    assert_eq!(exit_code(ExitKind::Signalled(Signal::SIGTERM)), 143);
}

#[test]
fn colours_and_overwritten_text_are_removed() {
    let message = failed(b"\x1b[31merror\x1b[0m: no\r\n 10%\r 50%\r100%\nbell\x07\n\n");
    assert_eq!(message, "exit status 3; last lines of stderr:\nerror: no\n100%\nbell");
}

#[test]
fn only_the_last_lines_are_kept_and_invalid_utf8_is_replaced() {
    let many: String = (1..=50).map(|n| format!("line {n}\n")).collect();
    let message = failed(many.as_bytes());
    assert!(
        message.contains("\nline 31\n") && message.ends_with("line 50") && !message.contains("line 30"),
        "{message}"
    );
    assert_eq!(failed(b"\xff\xfe"), "exit status 3; last lines of stderr:\n\u{fffd}\u{fffd}");
}

#[test]
fn the_message_is_within_the_servers_limit() {
    let message = failed("ü".repeat(10_000).as_bytes());
    assert!(message.chars().count() < 4000, "{} characters", message.chars().count());
    assert!(message.ends_with('ü'));
}
