//! What every store must do, on a database in memory.
#![expect(clippy::expect_used, reason = "test code: a failed expectation is its way to report")]

use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use rekindle_core::Store;
use rekindle_store_sqlite::{SqliteOptions, SqliteStore};
use rekindle_testkit::conformance;
use rekindle_testkit::note::NOTES;

struct Memory;

#[async_trait]
impl conformance::Adapter for Memory {
    fn name(&self) -> &'static str {
        "sqlite-memory"
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(
            SqliteStore::open(SqliteOptions { extension: NOTES, ..SqliteOptions::default() })
                .expect("the database opens"),
        )
    }
}

fn main() -> ExitCode {
    conformance::main(Memory)
}
