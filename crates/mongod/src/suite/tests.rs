//! What is ignored when, and that a case is really run.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Trial};

use super::{Case, trials};

async fn wants_a_server(uri: String) {
    assert_eq!(uri, "mongodb://somewhere");
}

async fn wants_a_binary(binary: PathBuf) {
    assert_eq!(binary, Path::new("/somewhere"));
}

const CASES: &[Case] = &[crate::case!(wants_a_server), crate::binary_case!(wants_a_binary)];

fn run(trials: Vec<Trial>) -> (u64, u64, u64) {
    let arguments = Arguments { quiet: true, ..Arguments::default() };
    let seen = libtest_mimic::run(&arguments, trials);
    (seen.num_passed, seen.num_failed, seen.num_ignored)
}

#[test]
fn a_case_whose_need_is_not_met_is_ignored_and_the_others_are_run() {
    let (uri, binary) = (Some("mongodb://somewhere"), Some(Path::new("/somewhere")));
    assert_eq!(run(trials(CASES, None, None)), (0, 0, 2));
    assert_eq!(run(trials(CASES, uri, None)), (1, 0, 1));
    assert_eq!(run(trials(CASES, None, binary)), (1, 0, 1));
    assert_eq!(run(trials(CASES, uri, binary)), (2, 0, 0));
}

#[test]
fn a_case_that_panics_has_failed() {
    assert_eq!(run(trials(CASES, Some("mongodb://elsewhere"), None)), (0, 1, 1));
}
