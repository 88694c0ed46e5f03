//! The name of a command, and the mark of a run.

use super::*;

fn words(command: &[&str]) -> Vec<OsString> {
    command.iter().map(OsString::from).collect()
}

fn plan() -> Plan {
    let whose = SessionSource::Adopted { id: RandomIds.new_id(), project: None };
    let metadata = Object::from_iter([("k".to_owned(), json!(1))]);
    Plan::new(whose, None, metadata, Duration::from_secs(20), &words(&["make", "all"]))
}

#[test]
fn the_name_of_a_command_is_its_command_line() {
    assert_eq!(command_line(&words(&["cargo", "build", "--release"])), "cargo build --release");
    assert_eq!(command_line(&words(&["sh", "-c", "echo 'hi'; exit 3"])), r"sh -c 'echo '\''hi'\''; exit 3'");
    assert_eq!(command_line(&words(&["true", ""])), "true ''");
}

#[test]
fn a_long_command_line_is_cut_between_characters() {
    let name = command_line(&words(&["ü".repeat(5000).as_str()]));
    assert_eq!(name.chars().count(), NAME + 1);
    assert!(name.ends_with('…'));
}

#[test]
fn a_run_recognizes_only_its_own_mark() {
    let (one, other) = (plan(), plan());
    assert!(one.made(&one.marked_metadata()) && !one.made(&other.marked_metadata()));
    assert!(!one.made(&Object::new()));
    assert_eq!(one.marked_metadata()["k"], 1);
}
