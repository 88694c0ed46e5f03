//! The conformance suite: what every store must do, as data. An adapter's `tests/conformance.rs` is a `main` that
//! hands its [`Adapter`] to [`main`]; a case that is added here runs on every adapter at once.

mod audit;
mod case;
mod commits;
mod concurrency;
mod detection;
mod extensions;
mod heartbeats;
mod idempotency;
mod keys;
mod leases;
mod lists;
mod restore;
mod retention;
mod round_trips;
mod unique_rules;

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use libtest_mimic::{Arguments, Trial};
use rekindle_core::Store;

pub use case::{Case, Running};

use crate::model;

/// A store to be tested.
#[async_trait]
pub trait Adapter: Send + Sync + 'static {
    /// Its name, before those of its cases.
    fn name(&self) -> &'static str;

    /// Whether what it needs is there; otherwise its cases are listed as ignored.
    fn is_there(&self) -> bool {
        true
    }

    /// Returns a fresh, empty store of its own that also holds [`crate::note::NOTES`]; called once for each case, several
    /// at a time.
    async fn open(&self) -> Arc<dyn Store>;
}

/// Every case.
pub fn all() -> impl Iterator<Item = Case> {
    [
        round_trips::CASES,
        commits::CASES,
        unique_rules::CASES,
        heartbeats::CASES,
        lists::CASES,
        detection::CASES,
        retention::CASES,
        concurrency::CASES,
        leases::CASES,
        idempotency::CASES,
        keys::CASES,
        audit::CASES,
        restore::CASES,
        extensions::CASES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Runs every case, and the random comparison with [`crate::MemoryStore`], as a test program of their own.
pub fn main(adapter: impl Adapter) -> ExitCode {
    let adapter = Arc::new(adapter);
    let absent = !adapter.is_there();
    let mut trials = Vec::new();
    for case in all() {
        let short = case.name.trim_start_matches("rekindle_testkit::conformance::");
        let name = format!("{}::{short}", adapter.name());
        let adapter = Arc::clone(&adapter);
        trials.push(
            Trial::test(name, move || {
                in_runtime(async {
                    let store = adapter.open().await;
                    (case.run)(Arc::clone(&store)).await;
                    store.close().await;
                });
                Ok(())
            })
            .with_ignored_flag(absent),
        );
    }
    for round in 0..model::ROUNDS {
        let adapter = Arc::clone(&adapter);
        trials.push(
            Trial::test(format!("{}::model::same_as_memory_{round}", adapter.name()), move || {
                in_runtime(async {
                    let store = adapter.open().await;
                    model::compare(Arc::clone(&store), round).await;
                    store.close().await;
                });
                Ok(())
            })
            .with_ignored_flag(absent),
        );
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A runtime for one case: drivers do not like to be carried from one runtime to another.
fn in_runtime(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(case);
}
