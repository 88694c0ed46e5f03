//! `cargo xtask ci`: all steps of CI, the quickest first. Stops at the first step that fails and says how to run it alone.
//! Prints a table of the slowest tests and, on the last line, the totals of all tests.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::gates::{self, Outcome};
use crate::mongo::TestDatabase;
use crate::shell::cargo;
use crate::totals::Totals;
use crate::{generate, shell, slowest, suite};

struct Step {
    name: &'static str,
    /// The command that runs it alone.
    alone: &'static str,
    act: fn(&mut Run) -> Result<Outcome>,
}

/// What the steps share.
struct Run {
    /// The command line of `cargo xtask`, which the documents name.
    xtask: clap::Command,
    totals: Totals,
    /// A database, from the first step on that needs one; ends with the run, even if a step fails.
    database: Option<TestDatabase>,
}

const STEPS: &[Step] = &[
    Step { name: "format", alone: "cargo fmt --all (to repair; with `-- --check` to look)", act: format },
    Step { name: "typos", alone: "cargo xtask gate typos", act: |_| gates::typos::run() },
    Step { name: "dependencies", alone: "cargo xtask gate deny", act: |_| gates::deny::run() },
    Step { name: "unused ones", alone: "cargo xtask gate unused", act: |_| gates::unused::run() },
    Step { name: "clippy", alone: "cargo clippy --workspace --all-targets -- -D warnings", act: clippy },
    Step { name: "generated files", alone: "cargo xtask generate --check", act: generated },
    Step { name: "tests", alone: "cargo xtask test", act: tests },
    Step { name: "doc tests", alone: "cargo test --workspace --doc", act: doc_tests },
    Step {
        name: "documentation",
        alone: "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
        act: documentation,
    },
    Step { name: "embedding", alone: "cargo run -p rekindle-store-sqlite --example embed", act: embedding },
    Step { name: "tour", alone: "cargo xtask tour", act: tour },
    Step { name: "tour on MongoDB", alone: "cargo xtask tour --store mongo", act: tour_on_mongo },
    Step { name: "pages", alone: "cargo xtask gate docs", act: |run| gates::docs::run(&run.xtask) },
    Step { name: "deploy", alone: "cargo xtask gate deploy", act: |_| gates::deploy::run() },
    Step {
        name: "release binary",
        alone: "cargo xtask gate smoke",
        act: |_| gates::smoke::run(&gates::smoke::Options::default()),
    },
];

/// Runs the steps. `xtask` describes the command line of `cargo xtask`.
pub(crate) fn run(xtask: clap::Command) -> ExitCode {
    let started = Instant::now();
    let mut run = Run { xtask, totals: Totals::default(), database: None };
    let mut table = Vec::new();
    let mut failed = None;
    for (number, step) in STEPS.iter().enumerate() {
        println!("\n== {} of {}: {} (after {})", number + 1, STEPS.len(), step.name, seconds(started.elapsed()));
        let began = Instant::now();
        let outcome = (step.act)(&mut run);
        let word = match &outcome {
            Ok(Outcome::Done) => "ok".to_owned(),
            Ok(Outcome::Skipped(why)) => format!("skipped: {why}"),
            Err(_) => "FAILED".to_owned(),
        };
        table.push((step.name, began.elapsed(), word));
        if let Err(fault) = outcome {
            failed = Some((step, fault));
            break;
        }
    }

    println!("\n{:<18} {:>9}", "step", "time");
    for (name, took, word) in &table {
        println!("{name:<18} {:>9}  {word}", seconds(*took));
    }
    println!("{:<18} {:>9}\n", "in all", seconds(started.elapsed()));
    let code = match failed {
        Some((step, fault)) => {
            println!("CI FAILED at \"{}\": {fault:#}\nRun it alone: {}", step.name, step.alone);
            ExitCode::FAILURE
        }
        None => {
            println!("CI passed.");
            ExitCode::SUCCESS
        }
    };
    match &run.database {
        Some(database) => println!("\n{}\n\n{}", slowest::table(), database.summary(run.totals)),
        None => println!("{}", run.totals),
    }
    code
}

fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

fn format(_: &mut Run) -> Result<Outcome> {
    shell::run(cargo(["fmt", "--all", "--", "--check"])).map(|()| Outcome::Done)
}

fn clippy(_: &mut Run) -> Result<Outcome> {
    shell::run(cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])).map(|()| Outcome::Done)
}

fn generated(_: &mut Run) -> Result<Outcome> {
    generate::check().map(|()| Outcome::Done)
}

/// Includes the tests in xtask/tests.
fn tests(run: &mut Run) -> Result<Outcome> {
    let database = run.database.get_or_insert_with(TestDatabase::provision);
    suite::tests(&[], database, &mut run.totals).map(|()| Outcome::Done)
}

fn doc_tests(run: &mut Run) -> Result<Outcome> {
    suite::doc_tests(&mut run.totals).map(|()| Outcome::Done)
}

fn documentation(_: &mut Run) -> Result<Outcome> {
    let mut command = cargo(["doc", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    shell::run(command).map(|()| Outcome::Done)
}

fn embedding(_: &mut Run) -> Result<Outcome> {
    // Built with the features of the whole workspace: the tests have built it already.
    shell::run(cargo(["build", "--quiet", "--workspace", "--example", "embed"]))?;
    let mut command = Command::new(shell::target_dir().join("debug/examples/embed"));
    command.current_dir(shell::root());
    shell::run(command).map(|()| Outcome::Done)
}

fn tour(_: &mut Run) -> Result<Outcome> {
    crate::tour::on_sqlite().map(|()| Outcome::Done)
}

fn tour_on_mongo(run: &mut Run) -> Result<Outcome> {
    match run.database.get_or_insert_with(TestDatabase::provision).uri() {
        Some(uri) => crate::tour::on_mongo(uri).map(|()| Outcome::Done),
        None => Ok(Outcome::Skipped("there is no mongod".to_owned())),
    }
}
