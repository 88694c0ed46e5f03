//! `cargo xtask test`: all tests and doc tests.

use std::process::ExitCode;

use anyhow::Result;

use crate::mongo::Supply;
use crate::shell::{cargo, run_counted, succeeds};
use crate::slowest;
use crate::totals::{Runner, Totals};

/// What is to be tested.
#[derive(clap::Args)]
pub struct Options {
    /// The tests of this package only, without doc tests; may be repeated.
    #[arg(short, long = "package", value_name = "PACKAGE")]
    packages: Vec<String>,
}

/// Runs all tests. Prints a table of the slowest, and the total on the last line.
pub fn run(options: &Options) -> ExitCode {
    let mut totals = Totals::default();
    let supply = Supply::get();
    let mut outcome = tests(&options.packages, &supply, &mut totals);
    if outcome.is_ok() && options.packages.is_empty() {
        outcome = doc_tests(&mut totals);
    }
    if let Err(fault) = &outcome {
        println!("\nFAILED: {fault:#}");
    }
    println!("\n{}\n", slowest::table());
    println!("{}", supply.remark(totals));
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every test but the doc tests, also after one has failed; of the whole workspace, when no package is named.
pub fn tests(packages: &[String], supply: &Supply, totals: &mut Totals) -> Result<()> {
    slowest::clear()?;
    let nextest = succeeds(cargo(["nextest", "--version"]));
    let (mut command, runner) = if nextest {
        (cargo(["nextest", "run", "--no-fail-fast"]), Runner::Nextest)
    } else {
        // `--all-targets` would run the benches too; these are the targets that hold tests.
        (cargo(["test", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"]), Runner::Libtest)
    };
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    supply.equip(&mut command);
    run_counted(command, runner, totals)
}

/// The examples in the documentation, which nextest cannot run.
pub fn doc_tests(totals: &mut Totals) -> Result<()> {
    run_counted(cargo(["test", "--workspace", "--doc"]), Runner::Libtest, totals)
}
