//! Where the database is, and the few numbers that an operator or a test may choose.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rekindle_core::store::BatchObserverHandle;
use rekindle_records::Extension;

/// Where the database is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this file, and in two more beside it while it is open (`…-wal`, `…-shm`).
    File(PathBuf),
    /// In memory: gone when the store is closed.
    Memory,
}

/// A text that is no location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be sqlite:PATH, such as sqlite:/var/lib/rekindle.db, or sqlite::memory:")]
pub struct BadLocation;

impl FromStr for Location {
    type Err = BadLocation;

    /// Reads `sqlite:PATH` (also `sqlite://PATH`, as other programs write it) or `sqlite::memory:`.
    fn from_str(url: &str) -> Result<Self, BadLocation> {
        let rest = url.strip_prefix("sqlite:").ok_or(BadLocation)?;
        if rest == ":memory:" {
            return Ok(Self::Memory);
        }
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.is_empty() || path.contains('\0') {
            return Err(BadLocation);
        }
        Ok(Self::File(PathBuf::from(path)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite:{}", path.display()),
            Self::Memory => f.write_str("sqlite::memory:"),
        }
    }
}

/// How to open a store. The defaults suit a server with a million sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Where the database is.
    pub location: Location,
    /// How many writes may wait for the writer, and how many reads for the readers; one more is refused.
    pub queue_capacity: usize,
    /// How many writes may share one transaction.
    pub batch_max: usize,
    /// How many threads read; none of them for a database in memory.
    pub readers: usize,
    /// How long a caller waits for its answer.
    pub call_timeout: Duration,
    /// The writer's page cache, in KiB.
    pub writer_cache_kib: u32,
    /// Each reader's page cache, in KiB.
    pub reader_cache_kib: u32,
    /// A quota: the database may not grow beyond this many pages of 4 KiB; writes that would are refused.
    pub max_pages: Option<u32>,
    /// Observes the writer's batches.
    pub watch: BatchObserverHandle,
    /// The kinds of entities of another crate that are stored beside Rekindle's own.
    pub extension: Extension,
}

impl SqliteOptions {
    /// The defaults, at this location.
    pub fn at(location: Location) -> Self {
        Self { location, ..Self::default() }
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            location: Location::Memory,
            queue_capacity: 4096,
            batch_max: 512,
            readers: 2,
            call_timeout: Duration::from_secs(10),
            writer_cache_kib: 48 * 1024,
            reader_cache_kib: 8 * 1024,
            max_pages: None,
            watch: BatchObserverHandle::default(),
            extension: Extension::NONE,
        }
    }
}

#[cfg(test)]
mod tests;
