//! `cargo xtask test`: all tests and doc tests.

use std::process::ExitCode;

use anyhow::Result;

use crate::shell::{cargo, run_counted, succeeds};
use crate::totals::{Runner, Totals};

/// Runs all tests and ends with their total on a line of its own.
pub fn run() -> ExitCode {
    let mut totals = Totals::default();
    let outcome = tests(&mut totals).and_then(|()| doc_tests(&mut totals));
    if let Err(fault) = &outcome {
        println!("\nFAILED: {fault:#}");
    }
    println!("{totals}");
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every test of the workspace but the doc tests, also after one has failed.
pub fn tests(totals: &mut Totals) -> Result<()> {
    if succeeds(cargo(["nextest", "--version"])) {
        return run_counted(cargo(["nextest", "run", "--workspace", "--no-fail-fast"]), Runner::Nextest, totals);
    }
    // `--all-targets` would run the benches too; these are the targets that hold tests.
    let command = cargo(["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"]);
    run_counted(command, Runner::Libtest, totals)
}

/// The examples in the documentation, which nextest cannot run.
pub fn doc_tests(totals: &mut Totals) -> Result<()> {
    run_counted(cargo(["test", "--workspace", "--doc"]), Runner::Libtest, totals)
}
