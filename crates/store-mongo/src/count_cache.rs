//! Totals of lists and overviews. Counting is the one read whose cost grows with what is stored: up to [`EXACT_UP_TO`] a
//! total is counted each time; a larger one is counted again only when that has become cheap beside the time since, by
//! one caller for all that want it meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::doc;

use crate::database::Database;
use crate::error::ReadResult;
use crate::query::Count;

/// Up to this number a total is always exact.
pub(crate) const EXACT_UP_TO: u32 = 10_000;
/// A count that took a second is valid for this many seconds.
const VALIDITY_FACTOR: u32 = 20;
/// How many totals are kept. There are few in practice: one for each filter that is paged through.
const CAPACITY: usize = 1024;

/// The large totals that were counted lately.
#[derive(Debug, Default)]
pub(crate) struct CountCache {
    entries: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<CachedCount>>>>>,
}

#[derive(Debug, Clone, Copy)]
struct CachedCount {
    total: u64,
    valid_until: Instant,
}

impl CountCache {
    /// Returns how many documents match.
    pub(crate) async fn total(&self, count: Count, database: &Database) -> ReadResult<u64> {
        let few = count.fetch_up_to(EXACT_UP_TO + 1, database).await?;
        if few <= u64::from(EXACT_UP_TO) {
            return Ok(few);
        }
        let entry = self.entry(&count);
        // Other callers with the same filter wait here for the one that counts.
        let mut cached = entry.lock().await;
        if let Some(CachedCount { total, valid_until }) = *cached
            && Instant::now() < valid_until
        {
            return Ok(total);
        }
        let started = Instant::now();
        let total = count.fetch(database).await?;
        *cached = Some(CachedCount { total, valid_until: Instant::now() + validity(started.elapsed()) });
        Ok(total)
    }

    fn entry(&self, count: &Count) -> Arc<tokio::sync::Mutex<Option<CachedCount>>> {
        let key = doc! { "of": count.collection, "like": count.filter.clone() }.to_string();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY && !entries.contains_key(&key) {
            entries.clear();
        }
        Arc::clone(entries.entry(key).or_default())
    }
}

fn validity(took: Duration) -> Duration {
    took * VALIDITY_FACTOR
}
