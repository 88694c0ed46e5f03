//! The `_id` of every document that this process makes: a UUIDv7 that is larger than all before it, so that rows of the
//! same millisecond are listed in the order in which they were recorded.

use std::sync::{Mutex, PoisonError};

use rekindle_core::clock::{Clock, SystemClock};
use uuid::{Builder, Uuid};

/// The bits below the milliseconds that are ours: twelve and sixty-two.
const TAIL_BITS: u32 = 74;

/// Makes marks.
#[derive(Debug, Default)]
pub struct OrderedIds(Mutex<Last>);

#[derive(Debug, Default, Clone, Copy)]
struct Last {
    millis: u64,
    tail: u128,
}

impl OrderedIds {
    /// A mark that is larger than all that were made here before.
    pub fn next(&self) -> Uuid {
        let now = u64::try_from(SystemClock.now().millis()).unwrap_or(0);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = last.after(now, fastrand::u128(..));
        last.uuid()
    }
}

impl Last {
    fn after(self, now: u64, random: u128) -> Self {
        // One bit is left free, so that a millisecond has room to count on.
        let fresh = |millis| Self { millis, tail: random >> (128 - TAIL_BITS + 1) };
        if now > self.millis {
            return fresh(now);
        }
        // The clock stood still or went back: a small random step on.
        let tail = self.tail + 1 + (random & 0xffff_ffff);
        if tail >> TAIL_BITS == 0 { Self { tail, ..self } } else { fresh(self.millis + 1) }
    }

    fn uuid(self) -> Uuid {
        // The builder keeps twelve and sixty-two of these eighty bits; the rest is version and variant.
        let spread = ((self.tail >> 62) << 64) | (self.tail & ((1 << 62) - 1));
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&spread.to_be_bytes()[6..]);
        Builder::from_unix_timestamp_millis(self.millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests;
