//! How many there are of something, for lists and overviews. Counting is the one question whose cost grows with what is
//! stored: up to [`EXACT`] it is counted each time; a larger number is counted again only when that has become cheap beside
//! the time since, by one caller for all who ask meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::doc;

use crate::database::Database;
use crate::query::Count;
use crate::reads::ReadResult;

/// Up to so many the answer is always exact.
pub const EXACT: u32 = 10_000;
/// A count that took a second is made at most once in so many seconds.
const REST: u32 = 20;
/// How many questions are remembered. There are few in practice: one for each filter that somebody pages through.
const REMEMBERED: usize = 1024;

/// The large numbers that were counted lately.
#[derive(Debug, Default)]
pub struct CountCache {
    counted: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Counted>>>>>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    n: u64,
    stands_until: Instant,
}

impl CountCache {
    /// How many there are.
    pub async fn of(&self, count: Count, collections: &Database) -> ReadResult<u64> {
        let few = count.up_to(EXACT + 1, collections).await?;
        if few <= u64::from(EXACT) {
            return Ok(few);
        }
        let place = self.place(&count);
        // Whoever else asks for the same waits here for the one that counts.
        let mut counted = place.lock().await;
        if let Some(Counted { n, stands_until }) = *counted
            && Instant::now() < stands_until
        {
            return Ok(n);
        }
        let began = Instant::now();
        let n = count.ask(collections).await?;
        *counted = Some(Counted { n, stands_until: Instant::now() + rest(began.elapsed()) });
        Ok(n)
    }

    fn place(&self, count: &Count) -> Arc<tokio::sync::Mutex<Option<Counted>>> {
        let key = doc! { "of": count.within.name(), "like": count.filter.clone() }.to_string();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= REMEMBERED && !counted.contains_key(&key) {
            counted.clear();
        }
        Arc::clone(counted.entry(key).or_default())
    }
}

fn rest(took: Duration) -> Duration {
    took * REST
}
