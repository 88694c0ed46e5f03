//! The project's own automation, run as `cargo xtask …`: what CI does, the tests, the generated files, the tour,
//! the benchmark.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to the person who ran it")]

mod bench;
mod ci;
mod generate;
mod shell;
mod suite;
mod totals;
mod tour;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The automation of the Rekindle workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything that CI does; stops at the first step that fails.
    Ci,
    /// All tests and doc tests, with cargo-nextest where it is installed.
    Test,
    /// Writes the files that are generated from the code.
    Generate(generate::Options),
    /// Plays the README's tour with the real binary.
    Tour,
    /// Measures the server against a floor, with the same load in the same run, and writes docs/benchmarks.md.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Ci => return ci::run(),
        Command::Test => return suite::run(),
        Command::Generate(options) => generate::run(&options),
        Command::Tour => tour::run(),
        Command::Bench(options) => bench::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
