//! Which cases are ignored, and that the others run.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Trial};

use super::{Case, trials};

async fn needs_a_server(uri: String) {
    assert_eq!(uri, "mongodb://somewhere");
}

async fn needs_a_binary(binary: PathBuf) {
    assert_eq!(binary, Path::new("/somewhere"));
}

const CASES: &[Case] = &[crate::case!(needs_a_server), crate::binary_case!(needs_a_binary)];

fn run(trials: Vec<Trial>) -> (u64, u64, u64) {
    let arguments = Arguments { quiet: true, ..Arguments::default() };
    let seen = libtest_mimic::run(&arguments, trials);
    (seen.num_passed, seen.num_failed, seen.num_ignored)
}

#[test]
fn case_without_its_need_is_ignored() {
    let (uri, binary) = (Some("mongodb://somewhere"), Some(Path::new("/somewhere")));
    assert_eq!(run(trials(CASES, None, None)), (0, 0, 2));
    assert_eq!(run(trials(CASES, uri, None)), (1, 0, 1));
    assert_eq!(run(trials(CASES, None, binary)), (1, 0, 1));
    assert_eq!(run(trials(CASES, uri, binary)), (2, 0, 0));
}

#[test]
fn panicking_case_fails() {
    assert_eq!(run(trials(CASES, Some("mongodb://elsewhere"), None)), (0, 1, 1));
}
