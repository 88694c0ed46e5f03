//! Moves everything that a store holds into one compressed file, and from there into another store of either kind.
//!
//! Read in this order: `format` (what is in the file), `gzip_members` (how it is compressed and checked), `rows` (how each
//! entity is written), `export`, `verify`, `import`. Everything goes through the port of [`rekindle_core::store`]; no store
//! is named here.

#![warn(missing_docs)]

mod conflict_check;
mod error;
mod export;
mod format;
mod gzip_members;
mod import;
mod partial_export;
mod progress;
mod retry;
mod rows;
mod stop;
mod verify;

pub use error::TransferError;
pub use export::{Exported, Exporting, export};
pub use format::{Counts, Section};
pub use import::{Imported, import};
pub use progress::{Phase, Progress};
pub use rekindle_atomic_file::Existing;
pub use stop::Stop;
pub use verify::{Verified, verify};
