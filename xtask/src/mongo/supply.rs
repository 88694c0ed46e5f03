//! The database that the tests get: the one that is named in the environment, else a node of our own for as long as they
//! run. Where neither can be had, their output says why, and how many of them that left out.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use rekindle_mongod::{NO_MONGOD, Nodes, Options, TEST_BINARY, TEST_URI, find, find_or_fetch, masked, test_uri};

use crate::totals::Totals;

/// What the tests get. The node ends with this value.
#[derive(Default)]
pub struct Supply {
    uri: Option<String>,
    binary: Option<PathBuf>,
    /// Why something of it is not there, in one line.
    lack: Option<String>,
    /// Held for its end.
    _node: Option<Nodes>,
}

impl Supply {
    /// Gets what there is, and says so.
    pub fn get() -> Self {
        let hidden = std::env::var_os(NO_MONGOD).is_some_and(|set| set == "1");
        let supply = match test_uri().filter(|_| !hidden) {
            Some(uri) => Self::named(uri),
            None => Self::own(),
        };
        if let Some(lack) = &supply.lack {
            println!("Tests that need {lack} are ignored.");
        }
        supply
    }

    /// Uses the server that is named. Nothing is fetched for those few tests that start nodes of their own.
    fn named(uri: String) -> Self {
        println!("{TEST_URI} is set: tests use {}", masked(&uri));
        let (binary, lack) = match find() {
            Ok(Some(binary)) => (Some(binary), None),
            Ok(None) => (None, Some("a mongod program (none is installed, nor named in REKINDLE_MONGOD)".to_owned())),
            Err(fault) => (None, Some(format!("a mongod program ({})", brief(&fault)))),
        };
        Self { uri: Some(uri), binary, lack, _node: None }
    }

    fn own() -> Self {
        let started = || -> Result<Self> {
            let binary = find_or_fetch(&|line| println!("{line}"))?;
            let node = Nodes::start(Options { fast_ttl: true, failpoints: true, ..Options::at(&binary) })?;
            println!("Tests use {} at {}", binary.display(), node.uri());
            Ok(Self { uri: Some(node.uri()), binary: Some(binary), lack: None, _node: Some(node) })
        };
        started().unwrap_or_else(|fault| {
            println!("{fault:#}");
            Self { lack: Some(format!("a mongod ({})", brief(&fault))), ..Self::default() }
        })
    }

    /// The server's URI, if there is one.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// Hands a program what there is, and hides from it what there is not.
    pub fn equip(&self, command: &mut Command) {
        command.env_remove(TEST_URI).env_remove(TEST_BINARY);
        if let Some(uri) = &self.uri {
            command.env(TEST_URI, uri);
        }
        if let Some(binary) = &self.binary {
            command.env(TEST_BINARY, binary);
        }
    }

    /// The totals in one line, with why there are ignored tests.
    pub fn remark(&self, totals: Totals) -> String {
        match &self.lack {
            Some(lack) if totals.ignored > 0 => {
                format!("{totals}: no {}", lack.strip_prefix("a ").unwrap_or(lack))
            }
            _ => totals.to_string(),
        }
    }
}

/// The innermost cause, by its last line: that is where programs say what went wrong.
fn brief(fault: &anyhow::Error) -> String {
    let cause = fault.root_cause().to_string();
    cause.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;
