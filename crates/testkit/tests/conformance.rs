//! The conformance suite on `MemoryStore`, which is what the suite means.

use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use rekindle_core::Store;
use rekindle_testkit::MemoryStore;
use rekindle_testkit::conformance::{self, Adapter};
use rekindle_testkit::note::NOTES;

struct Memory;

#[async_trait]
impl Adapter for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::extended_by(NOTES))
    }
}

fn main() -> ExitCode {
    conformance::main(Memory)
}
