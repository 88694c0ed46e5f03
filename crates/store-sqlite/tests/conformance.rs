//! What every store must do, on a database in a file.
#![expect(clippy::expect_used, reason = "test code: a failed expectation is its way to report")]

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use rekindle_core::Store;
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::conformance;
use rekindle_testkit::note::NOTES;

struct File {
    folder: tempfile::TempDir,
    made: AtomicU32,
}

#[async_trait]
impl conformance::Adapter for File {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    async fn open(&self) -> Arc<dyn Store> {
        let name = format!("{}.db", self.made.fetch_add(1, Ordering::Relaxed));
        let location = Location::File(self.folder.path().join(name));
        Arc::new(
            SqliteStore::open(SqliteOptions { extension: NOTES, ..SqliteOptions::at(location) })
                .expect("the database opens"),
        )
    }
}

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder for the databases");
    conformance::main(File { folder, made: AtomicU32::new(0) })
}
