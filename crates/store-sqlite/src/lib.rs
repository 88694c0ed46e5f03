//! The embedded store of Rekindle: one SQLite file, one thread that writes, and a few that read.
//!
//! A write goes through a bounded queue to the writer, which applies whatever has queued up in one transaction and
//! answers when that is on the disk; a read goes to a reader with its own connection, which sees every answered write.
//! Read in this order: `store` (the port), `writer` and `writer::batch` (group commit), `commit` and `heartbeat` (what
//! is written), `sql` (every statement there is), `codec` (rows as records), `open` (what is refused, and why). Beside
//! the store stands [`maintenance`]: what an operator does with the file.

#![warn(missing_docs)]

mod codec;
mod command;
mod commit;
mod completion;
mod error;
mod heartbeat;
mod lease;
pub mod maintenance;
mod open;
mod options;
mod readers;
mod reads;
mod sql;
mod store;
mod threads;
mod writer;

pub use open::OpenError;
pub use options::{BadLocation, Location, SqliteOptions};
pub use store::SqliteStore;
pub use writer::WriteStats;
