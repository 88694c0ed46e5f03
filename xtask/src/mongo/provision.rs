//! The database for the tests: a server that the environment names, or else a node that runs as long as they do.
//! Without either, the output has the reason and the number of ignored tests.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use rekindle_mongod::{NO_MONGOD, Nodes, Options, TEST_BINARY, TEST_URI, find, find_or_fetch, masked, test_uri};

use crate::totals::Totals;

/// The database for the tests. Its node ends when it is dropped.
#[derive(Default)]
pub(crate) struct TestDatabase {
    uri: Option<String>,
    binary: Option<PathBuf>,
    /// What is missing and why, in one line.
    missing: Option<String>,
    /// Held until the value is dropped.
    _node: Option<Nodes>,
}

impl TestDatabase {
    /// Finds or starts a database, and prints which.
    pub(crate) fn provision() -> Self {
        let hidden = std::env::var_os(NO_MONGOD).is_some_and(|set| set == "1");
        let database = match test_uri().filter(|_| !hidden) {
            Some(uri) => Self::named(uri),
            None => Self::own(),
        };
        if let Some(missing) = &database.missing {
            println!("Tests that need {missing} are ignored.");
        }
        database
    }

    /// Uses the server from the environment. No program is fetched for the few tests that start their own nodes.
    fn named(uri: String) -> Self {
        println!("{TEST_URI} is set: tests use {}", masked(&uri));
        let (binary, missing) = match find() {
            Ok(Some(binary)) => (Some(binary), None),
            Ok(None) => (None, Some("a mongod program (none is installed, nor named in REKINDLE_MONGOD)".to_owned())),
            Err(fault) => (None, Some(format!("a mongod program ({})", brief(&fault)))),
        };
        Self { uri: Some(uri), binary, missing, _node: None }
    }

    fn own() -> Self {
        let started = || -> Result<Self> {
            let binary = find_or_fetch(&|line| println!("{line}"))?;
            let node = Nodes::start(Options { fast_ttl: true, failpoints: true, ..Options::at(&binary) })?;
            println!("Tests use {} at {}", binary.display(), node.uri());
            Ok(Self { uri: Some(node.uri()), binary: Some(binary), missing: None, _node: Some(node) })
        };
        started().unwrap_or_else(|fault| {
            println!("{fault:#}");
            Self { missing: Some(format!("a mongod ({})", brief(&fault))), ..Self::default() }
        })
    }

    /// Returns the server's URI, if there is one.
    pub(crate) fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// Sets the variables that the tests read, and removes those whose value is missing.
    pub(crate) fn set_environment(&self, command: &mut Command) {
        command.env_remove(TEST_URI).env_remove(TEST_BINARY);
        if let Some(uri) = &self.uri {
            command.env(TEST_URI, uri);
        }
        if let Some(binary) = &self.binary {
            command.env(TEST_BINARY, binary);
        }
    }

    /// Returns the totals in one line, with the reason why tests were ignored.
    pub(crate) fn summary(&self, totals: Totals) -> String {
        match &self.missing {
            Some(missing) if totals.ignored > 0 => {
                format!("{totals}: no {}", missing.strip_prefix("a ").unwrap_or(missing))
            }
            _ => totals.to_string(),
        }
    }
}

/// Returns the last line of the innermost cause, which describes the actual error.
fn brief(fault: &anyhow::Error) -> String {
    let cause = fault.root_cause().to_string();
    cause.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;
