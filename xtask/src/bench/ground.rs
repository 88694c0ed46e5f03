//! What the server stands on while it is measured: the one place of the benchmark where the stores differ.

pub mod mongo;
pub mod sqlite;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::Result;
use rekindle_core::Store;

use super::seed::Seeded;

/// A store, and whatever it needs under it.
pub trait Ground {
    /// What a reader must know of it, by name.
    fn facts(&self) -> Vec<(&'static str, String)>;

    /// Makes a store with this many live sessions for the server, and what the floor and the detection pass need: each
    /// has the same sessions, and touches nobody else's.
    async fn fill(&mut self, sessions: u32) -> Result<Seeded>;

    /// How much the server's database takes, in bytes.
    async fn size(&self) -> Result<u64>;

    /// The settings that lead the server to its database.
    fn settings(&self) -> Vec<(&'static str, String)>;

    /// What the program `floor` is to be given so that it serves heartbeats of these sessions.
    fn floor(&self, floor: &Path, seeded: &Seeded) -> Result<Command>;

    /// The process that works for the floor and for the server, where there is one.
    fn database_process(&self) -> Option<u32>;

    /// Opens the server's store, while no server runs.
    async fn open(&self) -> Result<Arc<dyn Store>>;

    /// Opens the store of the detection pass.
    async fn open_for_detection(&self) -> Result<Arc<dyn Store>>;
}
