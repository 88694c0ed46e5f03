//! Test programs that need a database. Without one, each case is listed as ignored. `cargo xtask test` sets the two
//! variables; to run one test program alone, set them by hand.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// The variable with the URI of the server for tests: a replica set on which they may create and drop databases.
pub const TEST_URI: &str = "REKINDLE_TEST_MONGODB_URI";

/// The variable with the path of the `mongod` program, for tests that start nodes.
pub const TEST_BINARY: &str = "REKINDLE_MONGOD";

/// Returns the URI of the server for tests, if there is one.
pub fn test_uri() -> Option<String> {
    std::env::var(TEST_URI).ok().filter(|uri| !uri.is_empty())
}

/// Returns the `mongod` program for tests that start nodes, if there is one.
pub fn test_binary() -> Option<PathBuf> {
    std::env::var_os(TEST_BINARY).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A running case.
pub type Running = Pin<Box<dyn Future<Output = ()>>>;

/// One case of a suite, built by [`case!`](crate::case) and [`binary_case!`](crate::binary_case).
#[derive(Clone, Copy)]
pub struct Case {
    /// The name, as the runner shows it.
    pub name: &'static str,
    /// What it needs, and its function.
    pub run: Run,
}

/// What a case needs, and its function. It panics when it fails.
#[derive(Clone, Copy)]
pub enum Run {
    /// Takes [`test_uri`].
    Server(fn(String) -> Running),
    /// Takes [`test_binary`], and starts nodes of its own.
    Binary(fn(PathBuf) -> Running),
}

/// A case that needs the shared server, from an `async fn name(uri: String)`.
#[macro_export]
macro_rules! case {
    ($name:ident) => {
        $crate::Case { name: stringify!($name), run: $crate::Run::Server(|uri| Box::pin($name(uri))) }
    };
}

/// A case that starts nodes of its own, from an `async fn name(binary: PathBuf)`. It may call [`crate::Nodes`]
/// directly: it does not run on a thread of the runtime's pool.
#[macro_export]
macro_rules! binary_case {
    ($name:ident) => {
        $crate::Case { name: stringify!($name), run: $crate::Run::Binary(|binary| Box::pin($name(binary))) }
    };
}

/// Runs the cases as a test program of their own (`harness = false`), each in a runtime of its own, since the driver
/// must not move from one runtime to another. Cases without what they need are listed as ignored.
pub fn suite(cases: &[Case]) -> ExitCode {
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, trials(cases, test_uri().as_deref(), test_binary().as_deref())).exit_code()
}

fn trials(cases: &[Case], uri: Option<&str>, binary: Option<&Path>) -> Vec<Trial> {
    let trial = |case: &Case| {
        let run = case.run;
        let (uri, binary) = (uri.map(str::to_owned), binary.map(Path::to_owned));
        let absent = match run {
            Run::Server(_) => uri.is_none(),
            Run::Binary(_) => binary.is_none(),
        };
        let trial = Trial::test(case.name, move || {
            // An ignored case that is run with `--ignored` fails and names what is missing.
            match run {
                Run::Server(run) => in_runtime(run(uri.ok_or(format!("{TEST_URI} is not set"))?)),
                Run::Binary(run) => in_runtime(run(binary.ok_or(format!("{TEST_BINARY} is not set"))?)),
            }?;
            Ok(())
        });
        trial.with_ignored_flag(absent)
    };
    cases.iter().map(trial).collect()
}

fn in_runtime(case: Running) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(case);
    Ok(())
}

#[cfg(test)]
mod tests;
