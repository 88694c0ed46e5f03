//! `cargo xtask test`: all tests and doc tests.

use std::process::ExitCode;

use anyhow::Result;

use crate::mongo::TestDatabase;
use crate::shell::{cargo, run_counted, succeeds};
use crate::slowest;
use crate::totals::{Runner, Totals};

/// Selects the tests.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only the tests of this package, without doc tests; may be repeated.
    #[arg(short, long = "package", value_name = "PACKAGE")]
    packages: Vec<String>,
}

/// Runs all tests. Prints a table of the slowest, and the total on the last line.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut totals = Totals::default();
    let database = TestDatabase::provision();
    let mut outcome = tests(&options.packages, &database, &mut totals);
    if outcome.is_ok() && options.packages.is_empty() {
        outcome = doc_tests(&mut totals);
    }
    if let Err(fault) = &outcome {
        println!("\nFAILED: {fault:#}");
    }
    println!("\n{}\n", slowest::table());
    println!("{}", database.summary(totals));
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs every test except the doc tests, of the whole workspace if no package is named. Continues after a failure.
pub(crate) fn tests(packages: &[String], database: &TestDatabase, totals: &mut Totals) -> Result<()> {
    slowest::clear()?;
    let nextest = succeeds(cargo(["nextest", "--version"]));
    let (mut command, runner) = if nextest {
        (cargo(["nextest", "run", "--no-fail-fast"]), Runner::Nextest)
    } else {
        // `--all-targets` would run the benches too; these are the targets with tests.
        (cargo(["test", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"]), Runner::Libtest)
    };
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    database.set_environment(&mut command);
    run_counted(command, runner, totals)
}

/// Runs the examples in the documentation, which nextest cannot run.
pub(crate) fn doc_tests(totals: &mut Totals) -> Result<()> {
    run_counted(cargo(["test", "--workspace", "--doc"]), Runner::Libtest, totals)
}
