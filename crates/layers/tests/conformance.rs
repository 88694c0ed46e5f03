//! What every store must do, it does behind the layers, too.

use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use rekindle_core::{Store, SystemClock};
use rekindle_layers::resilient;
use rekindle_testkit::note::NOTES;
use rekindle_testkit::{MemoryStore, conformance};

struct Resilient;

#[async_trait]
impl conformance::Adapter for Resilient {
    fn name(&self) -> &'static str {
        "resilient"
    }

    async fn open(&self) -> Arc<dyn Store> {
        resilient(Arc::new(MemoryStore::extended_by(NOTES)), Arc::new(SystemClock), ()).0
    }
}

fn main() -> ExitCode {
    conformance::main(Resilient)
}
