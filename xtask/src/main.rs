//! The project's automation, run as `cargo xtask …`: CI, the tests, the generated files, the README's tour, the benchmark
//! and a database for development.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to the person who ran it")]

mod bench;
mod ci;
mod gates;
mod generate;
mod mongo;
mod shell;
mod slowest;
mod suite;
mod totals;
mod tour;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

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
    /// One of the gates that CI has besides the compiler, the lints and the tests.
    #[command(subcommand)]
    Gate(gates::Gate),
    /// All tests and doc tests, with cargo-nextest where it is installed, and with a database for those that need one.
    Test(suite::Options),
    /// A real mongod, found or fetched, to develop and test against.
    #[command(subcommand)]
    Mongo(mongo::Command),
    /// Writes the files that are generated from the code.
    Generate(generate::Options),
    /// Plays the README's tour with the real binary.
    Tour(tour::Options),
    /// Measures the server against a baseline, with the same load in the same run, and writes docs/benchmarks.md.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Ci => return ci::run(Arguments::command()),
        Command::Gate(gate) => gates::run(&gate, &Arguments::command()),
        Command::Test(options) => return suite::run(&options),
        Command::Generate(options) => generate::run(&options),
        Command::Mongo(command) => mongo::run(&command),
        Command::Tour(options) => tour::run(&options),
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
