//! The environment of the tests, and the last line.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::anyhow;
use rekindle_mongod::{TEST_BINARY, TEST_URI};

use super::{TestDatabase, brief};
use crate::totals::Totals;

const SOME: Totals = Totals { passed: 557, failed: 0, ignored: 61 };

fn handed<'a>(command: &'a Command, name: &str) -> Option<Option<&'a OsStr>> {
    command.get_envs().find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[test]
fn variables_are_set_if_there_is_a_value_and_removed_otherwise() {
    let mut command = Command::new("true");
    TestDatabase { uri: Some("mongodb://x".to_owned()), ..TestDatabase::default() }.set_environment(&mut command);
    assert_eq!(handed(&command, TEST_URI), Some(Some(OsStr::new("mongodb://x"))));
    assert_eq!(handed(&command, TEST_BINARY), Some(None), "one that this process has is taken away");
}

#[test]
fn the_last_line_has_the_reason_why_tests_are_ignored() {
    let database =
        TestDatabase { missing: Some("a mongod (REKINDLE_NO_MONGOD is set)".to_owned()), ..TestDatabase::default() };
    assert_eq!(database.summary(SOME), "557 passed, 0 failed, 61 ignored: no mongod (REKINDLE_NO_MONGOD is set)");
    assert_eq!(database.summary(Totals { ignored: 0, ..SOME }), "557 passed, 0 failed");
    assert_eq!(TestDatabase::default().summary(SOME), "557 passed, 0 failed, 61 ignored");
}

#[test]
fn a_cause_is_shortened_to_one_line() {
    let cause = anyhow!("pip ended with exit status: 1: WARNING: retrying\nERROR: No matching distribution found\n");
    assert_eq!(brief(&cause.context("there is no mongod here")), "ERROR: No matching distribution found");
}
