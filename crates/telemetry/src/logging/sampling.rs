//! Which heartbeats are logged: of all of them one in so many, and the first of each session and machine, so that a
//! search for one finds that it was heard. What is remembered for that is bounded, whatever comes.

use std::array;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

/// As many sessions and machines are remembered; when there are more, some have no line for their first heartbeat.
const REMEMBERED: usize = 8192;
/// One that was not heard for so many minutes is forgotten when another needs its place.
const MINUTES: u64 = 10;
/// Of what is remembered these bits are the minute, and the others tell who it is.
const MINUTE_BITS: u64 = (1 << 24) - 1;

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| Sample::one_in(1));

/// One in so many from now on; until this is called, all.
pub(super) fn set(one_in: u32) {
    SAMPLE.one_in.store(one_in.max(1), Ordering::Relaxed);
}

/// Whether this heartbeat is logged.
pub fn should_log(of: &str) -> bool {
    SAMPLE.is_due(of, SAMPLE.began.elapsed().as_secs() / 60)
}

struct Sample {
    began: Instant,
    one_in: AtomicU32,
    count: AtomicU64,
    /// 0 is a place that is free.
    seen: Box<[AtomicU64; REMEMBERED]>,
}

impl Sample {
    fn one_in(many: u32) -> Self {
        let seen = Box::new(array::from_fn(|_| AtomicU64::new(0)));
        Self { began: Instant::now(), one_in: AtomicU32::new(many), count: AtomicU64::new(0), seen }
    }

    fn is_due(&self, of: &str, minute: u64) -> bool {
        let one_in = u64::from(self.one_in.load(Ordering::Relaxed));
        if one_in <= 1 {
            return true;
        }
        let counted = self.count.fetch_add(1, Ordering::Relaxed).is_multiple_of(one_in);
        self.is_first(of, minute & MINUTE_BITS) || counted
    }

    fn is_first(&self, of: &str, minute: u64) -> bool {
        let mut hash = DefaultHasher::new();
        of.hash(&mut hash);
        let hash = hash.finish() | (MINUTE_BITS + 1);
        let Some(place) = usize::try_from(hash % REMEMBERED as u64).ok().and_then(|place| self.seen.get(place)) else {
            return false;
        };
        let mine = (hash & !MINUTE_BITS) | minute;
        let there = place.load(Ordering::Relaxed);
        let is_mine = there != 0 && there & !MINUTE_BITS == mine & !MINUTE_BITS;
        let is_free = there == 0 || minute.abs_diff(there & MINUTE_BITS) > MINUTES;
        // Who has a place keeps it while it is heard: who comes after is only counted.
        let took =
            (is_mine || is_free) && place.compare_exchange(there, mine, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        took && !is_mine
    }
}

#[cfg(test)]
mod tests {
    use super::{MINUTES, Sample};

    #[test]
    fn one_in_so_many_is_logged_and_the_first_of_each() {
        let sample = Sample::one_in(10);
        assert_eq!((0..1001).filter(|_| sample.is_due("a", 0)).count(), 101);
        assert!(!sample.is_due("a", 0));
        assert!(sample.is_due("b", 0));
        assert!(!sample.is_due("b", 0));
        assert!(!sample.is_due("a", MINUTES + 1), "what is heard late is still remembered when nobody took its place");
    }

    #[test]
    fn with_one_in_one_all_are_logged() {
        let sample = Sample::one_in(1);
        assert!((0..50).all(|_| sample.is_due("a", 0)));
    }
}
