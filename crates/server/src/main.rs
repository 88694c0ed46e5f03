//! The server as a program of its own: reads its settings from files and the environment, and runs until SIGTERM or
//! SIGINT.
#![expect(clippy::print_stderr, reason = "why it does not run is told before there is a log")]

use std::process::ExitCode;

use rekindle_server::settings::{Settings, table};
use rekindle_server::{ServeError, ServerBuilder, start_log};
use rekindle_settings::Sources;

/// Answering a heartbeat allocates some forty times; with the system's allocator that is a tenth of its cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rekindle-server: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

async fn run() -> Result<(), ServeError> {
    let settings = Settings::of(&Sources::of_server(&table::TABLE, Vec::new()).gather())?;
    let _log = start_log(&settings)?;
    settings.announce();
    ServerBuilder::new(&settings).run(|_| Ok(())).await
}
