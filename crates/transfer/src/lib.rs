//! All that a store holds, in one compressed file, and from there into another store, of whichever kind.
//!
//! Read in this order: [`format`](self) in `lines` (what is in the file) and `members` (how it is compressed and checked),
//! `rows` (how each entity is written), `export`, `verify`, `import`. Everything goes through the port of
//! [`rekindle_core::store`]; no store is named here.

mod conflict_check;
mod error;
mod export;
mod format;
mod gzip_members;
mod import;
mod partial_file;
mod retry;
mod rows;
mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use error::TransferError;
pub use export::{Exported, Exporting, export};
pub use format::{Counts, Section};
pub use import::{Imported, import};
pub use partial_file::Existing;
pub use verify::{Verified, verify};

/// Tells an export or an import, from elsewhere, to stop at the next opportunity. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on it is to stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), TransferError> {
        if self.0.load(Ordering::Relaxed) { Err(TransferError::Stopped) } else { Ok(()) }
    }
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading these from a store.
    Exporting(Section),
    /// Reading a file, to its end, before anything is done with it; counted in bytes.
    Verifying,
    /// Writing these into a store.
    Importing(Section),
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub doing: Phase,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, as far as that is known.
    pub of: Option<u64>,
}
