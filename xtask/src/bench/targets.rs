//! The stores that are measured. Only here does the benchmark distinguish them.

pub(super) mod mongo;
pub(super) mod sqlite;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::Result;
use rekindle_core::Store;

use super::seed::Seeded;

/// A store, and the processes and files that it needs.
pub(super) trait BenchTarget {
    /// Returns what describes the store, by name.
    fn facts(&self) -> Vec<(&'static str, String)>;

    /// Creates a store with this many live sessions for the server, the baseline and the detection pass, each with
    /// the same sessions.
    async fn fill(&mut self, sessions: u32) -> Result<Seeded>;

    /// Returns the size of the server's database in bytes.
    async fn size(&self) -> Result<u64>;

    /// Returns the settings for the server to open its database.
    fn settings(&self) -> Vec<(&'static str, String)>;

    /// Returns the command that starts the baseline `program` on these sessions.
    fn baseline(&self, program: &Path, seeded: &Seeded) -> Result<Command>;

    /// Returns the process of the database, if it is a separate one.
    fn database_process(&self) -> Option<u32>;

    /// Opens the server's store, while no server runs.
    async fn open(&self) -> Result<Arc<dyn Store>>;

    /// Opens the store of the detection pass.
    async fn open_for_detection(&self) -> Result<Arc<dyn Store>>;
}
